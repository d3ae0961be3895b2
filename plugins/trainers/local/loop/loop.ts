/**
 * The optimisation loop: reads top to bottom. Mathematics is in the losses, order is here.
 * @module
 */
import type { BestSoFar } from "../../schedule_points.ts";
import { DueWork } from "./due_work.ts";
import type { LoopInputs } from "./loop_inputs.ts";
import { createSchedule, warmupSteps } from "./schedules.ts";
import {
  accumulateGradients,
  lateNorm,
  type StepAhead,
  stepOrExplain,
  stepOrGoAhead,
  stepReport,
} from "./train_step.ts";

/** Result of the training loop. */
export interface LoopResult {
  step: number;
  best: BestSoFar | null;
  /** False after an interruption. */
  finished: boolean;
  /** Metrics of an evaluation at the last step, if there was one. */
  evaluation: Record<string, number> | null;
  /** Saves the last step where it isn't saved yet; its weights must still be the engine's. */
  keep(): Promise<void>;
}

/** Trains from `from.step` to the end, to an interruption, or to early stopping. */
export async function trainLoop(inputs: LoopInputs): Promise<LoopResult> {
  const { config, plan, engine, log, signal, from } = inputs;
  const rate = createSchedule(config.lr_scheduler_type, config.lr_scheduler_kwargs, {
    learningRate: config.learning_rate,
    totalSteps: plan.totalSteps,
    warmupSteps: warmupSteps(plan.totalSteps, config.warmup_steps, config.warmup_ratio),
  });
  const due = new DueWork(inputs);
  // until a step is done there is neither a loss nor a pace to show, and a large model's first one takes minutes
  const tellPacks = (done: number, total: number) => log.phase("packs of the first step", done, total);
  let { step } = from;
  let ahead = null as StepAhead & { report(gradNorm: number): void } | null;

  if (step === 0) {
    if (config.eval_on_start && (from.unevaluated ?? true) && !await due.evaluate(step)) {
      return await interrupted(true);
    }
  } else if (from.unevaluated && !await due.close(due.pointAt(step))) return await interrupted(true);
  // the patience of a checkpoint may be at its end, too
  while (step < plan.totalSteps && !due.stopsEarly()) {
    const began = performance.now();
    const batches = plan.step(step);
    const onPack = step === from.step ? tellPacks : undefined;
    let scored = await accumulateGradients(inputs, batches, step, onPack).catch(async (error) => {
      await settle();
      throw error;
    });
    const wasAhead = ahead !== null, changed = await settle();
    if (changed === null || (wasAhead && signal.aborted)) return await interrupted();
    if (changed) scored = await accumulateGradients(inputs, batches, step);
    if (!scored) return await interrupted();
    const learningRate = rate(step);
    const point = due.pointAt(step + 1);
    // An evaluation, a checkpoint and the end look at the weights, so the step is waited for; else its norm comes with the next forward pass.
    const gradNorm = await (due.looksAtWeights(point) ? stepOrExplain : stepOrGoAhead)(
      inputs,
      batches,
      learningRate,
    );
    const seconds = (performance.now() - began) / 1000;
    const report = (gradNorm: number) =>
      log.step({ ...point, ...stepReport(inputs.loss, scored), gradNorm, learningRate, seconds });
    if (gradNorm === null) ahead = { step, batches, learningRate, report };
    step++;
    if (gradNorm === null) continue;
    report(gradNorm);

    if (!await due.close(point)) return await interrupted(true);
    if (signal.aborted && step < plan.totalSteps && !due.stopsEarly()) return await interrupted();
  }
  if (due.stopsEarly()) {
    log.warn(
      `stopped early: ${due.best?.patience} evaluations without a better ${config.metric_for_best_model}`,
    );
  }
  return { ...result(), finished: true, evaluation: due.evaluationAt(step) };

  function result(): Pick<LoopResult, "step" | "best" | "keep"> {
    return { step, best: due.best, keep: () => due.keep(step) };
  }

  /** Reports the step that went ahead, if any. Whether it changed the weights only now; null when it was interrupted instead. */
  async function settle(): Promise<boolean | null> {
    if (!ahead) return false;
    const taken = ahead;
    ahead = null;
    const found = await lateNorm(inputs, taken);
    if (found) taken.report(found.norm);
    else step = taken.step;
    return found && found.again;
  }

  /** @param unevaluated True if the evaluation that is due at this step didn't end */
  async function interrupted(unevaluated = false): Promise<LoopResult> {
    await engine.discard();
    if (!due.isSaved(step) || step === 0) await due.save(step, unevaluated);
    return { ...result(), finished: false, evaluation: null };
  }
}
