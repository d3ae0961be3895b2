/**
 * The optimisation loop: reads top to bottom. Mathematics is in the losses, order is here.
 * @module
 */
import type { TrainConfig } from "../../kinds/train_config.ts";
import type { EvaluationSet } from "../../kinds/trainer.ts";
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import { Best, type BestSoFar, isDue, type SchedulePoint } from "../schedule_points.ts";
import type { BatchPlan } from "./batches.ts";
import { type CheckpointState, saveCheckpoint } from "./checkpoint.ts";
import { pruneCheckpoints } from "./checkpoint_directory.ts";
import { evaluateSets } from "./evaluate.ts";
import { createSchedule, warmupSteps } from "./schedules.ts";
import type { Target } from "./setup.ts";
import {
  accumulateGradients,
  lateNorm,
  type StepAhead,
  type StepInputs,
  stepOrExplain,
  stepOrGoAhead,
  stepReport,
} from "./train_step.ts";

/** Keys of a configuration that decide what the loop does. */
export type LoopConfig =
  & StepInputs["config"]
  & Pick<
    TrainConfig,
    | "output_dir"
    | "learning_rate"
    | "lr_scheduler_type"
    | "lr_scheduler_kwargs"
    | "warmup_steps"
    | "warmup_ratio"
    | "per_device_eval_batch_size"
    | "eval_strategy"
    | "eval_steps"
    | "eval_delay"
    | "eval_on_start"
    | "save_strategy"
    | "save_steps"
    | "save_total_limit"
    | "save_only_model"
    | "load_best_model_at_end"
    | "metric_for_best_model"
    | "greater_is_better"
    | "early_stopping_steps"
  >;

/** Inputs of the loop. */
export interface LoopInputs extends StepInputs {
  config: LoopConfig;
  plan: BatchPlan;
  target: Target;
  evaluation: EncodedExample[];
  evaluationSets?: readonly EvaluationSet[] | null;
  /** Kept in checkpoints, for telling changes on resume. */
  record: Readonly<Record<string, unknown>>;
  dataHash: string;
  modelHash: string;
  /** Where the checkpoint that is resumed from stands. */
  from: Pick<CheckpointState, "step" | "best" | "unevaluated">;
}

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
  const { config, plan, engine, log, signal } = inputs;
  const rate = createSchedule(config.lr_scheduler_type, config.lr_scheduler_kwargs, {
    learningRate: config.learning_rate,
    totalSteps: plan.totalSteps,
    warmupSteps: warmupSteps(plan.totalSteps, config.warmup_steps, config.warmup_ratio),
  });
  const best = new Best(config, inputs.from.best);
  let { step } = inputs.from;
  // a checkpoint that lacks its evaluation is written again once it has it
  let savedStep = inputs.from.unevaluated ? null : step;
  let evaluated = null as { step: number; metrics: Record<string, number> } | null;
  let ahead = null as StepAhead & { report(gradNorm: number): void } | null;

  if (step === 0) {
    if (config.eval_on_start && (inputs.from.unevaluated ?? true) && !await runEvaluation()) {
      return await interrupted(true);
    }
  } else if (inputs.from.unevaluated && !await closeStep(pointAt(step))) return await interrupted(true);
  // the patience of a checkpoint may be at its end, too
  while (step < plan.totalSteps && !stopsEarly()) {
    const began = performance.now();
    const batches = plan.step(step);
    let scored = await accumulateGradients(inputs, batches, step).catch(async (error) => {
      await settle();
      throw error;
    });
    const wasAhead = ahead !== null, changed = await settle();
    if (changed === null || (wasAhead && signal.aborted)) return await interrupted();
    if (changed) scored = await accumulateGradients(inputs, batches, step);
    if (!scored) return await interrupted();
    const learningRate = rate(step);
    const point = pointAt(step + 1);
    // An evaluation, a checkpoint and the end look at the weights, so the step is waited for; else its norm comes with the next forward pass.
    const waits = isEvaluationDue(config, point) || isSaveDue(config, point, false) ||
      point.step === plan.totalSteps;
    const gradNorm = await (waits ? stepOrExplain : stepOrGoAhead)(inputs, batches, learningRate);
    const seconds = (performance.now() - began) / 1000;
    const report = (gradNorm: number) =>
      log.step({ ...point, ...stepReport(inputs.loss, scored), gradNorm, learningRate, seconds });
    if (gradNorm === null) ahead = { step, batches, learningRate, report };
    step++;
    if (gradNorm === null) continue;
    report(gradNorm);

    if (!await closeStep(point)) return await interrupted(true);
    if (signal.aborted && step < plan.totalSteps && !stopsEarly()) return await interrupted();
  }
  if (stopsEarly()) {
    log.warn(
      `stopped early: ${best.soFar?.patience} evaluations without a better ${config.metric_for_best_model}`,
    );
  }
  const evaluation = evaluated?.step === step ? evaluated.metrics : null;
  return { step, best: best.soFar, finished: true, evaluation, keep };

  function pointAt(step: number): SchedulePoint {
    const { totalSteps } = plan;
    return { step, totalSteps, epoch: plan.epoch(step), epochBefore: plan.epoch(step - 1) };
  }

  function stopsEarly(): boolean {
    return config.early_stopping_steps !== null && (best.soFar?.patience ?? 0) >= config.early_stopping_steps;
  }

  /** What is due behind a step: its evaluation, then its checkpoint. False when the evaluation was interrupted. */
  async function closeStep(point: SchedulePoint): Promise<boolean> {
    const seen = isEvaluationDue(config, point) ? await runEvaluation() : { isBest: false };
    if (seen && isSaveDue(config, point, seen.isBest)) await save();
    return seen !== null;
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

  /** null when interrupted. */
  async function runEvaluation(): Promise<{ isBest: boolean } | null> {
    const metrics = await evaluateSets(inputs, inputs, {
      batch: config.per_device_eval_batch_size,
      budget: config.micro_batch_tokens,
      signal,
      onProgress: (done, total) => log.phase("evaluation", done, total),
    });
    if (!metrics) return null;
    const isBest = step > 0 && best.see(metrics, step);
    log.evaluation(step, plan.epoch(step), metrics, best.soFar);
    evaluated = { step, metrics };
    return { isBest };
  }

  async function save(unevaluated = false): Promise<void> {
    await checkpoint(inputs, { step, best: best.soFar, unevaluated });
    savedStep = step;
  }

  async function keep(): Promise<void> {
    if (savedStep !== step) await save();
  }

  /** @param unevaluated True if the evaluation that is due at this step came to no end */
  async function interrupted(unevaluated = false): Promise<LoopResult> {
    await engine.discard();
    if (savedStep !== step || step === 0) await save(unevaluated);
    return { step, best: best.soFar, finished: false, evaluation: null, keep };
  }
}

function isEvaluationDue(config: LoopConfig, point: SchedulePoint): boolean {
  const { eval_strategy: strategy, eval_delay: delay } = config;
  return isDue(strategy, config.eval_steps, point) &&
    (strategy === "epoch" ? point.epoch : point.step) >= delay;
}

/** The last step is saved regardless of the interval, unless nothing is saved. */
function isSaveDue(
  { save_strategy: strategy, save_steps }: LoopConfig,
  point: SchedulePoint,
  isBest: boolean,
): boolean {
  if (strategy === "best") return isBest;
  return isDue(strategy, save_steps, point) || (strategy !== "no" && point.step === point.totalSteps);
}

/** Saves what a resumed run needs, then drops checkpoints beyond save_total_limit. */
async function checkpoint(
  inputs: LoopInputs,
  { step, best, unevaluated }: Pick<CheckpointState, "step" | "best" | "unevaluated">,
): Promise<void> {
  const { config, record, engine, log, plan, references, target, dataHash, modelHash } = inputs;
  const path = await saveCheckpoint(config.output_dir, {
    state: {
      step,
      totalSteps: plan.totalSteps,
      best,
      ...(unevaluated !== undefined && { unevaluated }),
      ...(config.micro_batch_tokens !== null && { packRows: config.micro_batch_tokens }),
      log: log.state(),
      config: record,
      dataHash,
      modelHash,
    },
    target,
    trained: await engine.trained(),
    optimizer: config.save_only_model ? null : await engine.optimizerState(),
    references: references.toJson(),
    files: log.checkpointFiles?.() ?? {},
  });
  log.checkpoint(step, path);
  const needed = config.load_best_model_at_end ? best?.step ?? null : null;
  pruneCheckpoints(config.output_dir, config.save_total_limit, needed);
}
