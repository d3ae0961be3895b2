/**
 * One run of the loop while it goes: how far it is, the step that went ahead of its report, and the parts of a step in their order.
 * @module
 */
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { BestSoFar } from "../../schedule_points.ts";
import { DueWork } from "./due_work.ts";
import type { LoopInputs } from "./loop_inputs.ts";
import { createSchedule, warmupSteps } from "./schedules.ts";
import {
  accumulateGradients,
  lateNorm,
  type ScoredStep,
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

/** The state of one run of the loop. */
export class LoopRun {
  readonly due: DueWork;
  readonly #inputs: LoopInputs;
  readonly #rate: (step: number) => number;
  #step: number;
  #ahead: StepAhead & { report(gradNorm: number): void } | null = null;

  constructor(inputs: LoopInputs) {
    const { config, plan, from } = inputs;
    this.#inputs = inputs;
    this.due = new DueWork(inputs);
    this.#step = from.step;
    this.#rate = createSchedule(config.lr_scheduler_type, config.lr_scheduler_kwargs, {
      learningRate: config.learning_rate,
      totalSteps: plan.totalSteps,
      warmupSteps: warmupSteps(plan.totalSteps, config.warmup_steps, config.warmup_ratio),
    });
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.#step;
  }

  /** True while a step is to come: the patience of a checkpoint may be at its end, too. */
  get goesOn(): boolean {
    return this.#step < this.#inputs.plan.totalSteps && !this.due.stopsEarly();
  }

  /** What is due before the first step of this start; false when its evaluation was interrupted. */
  async begin(): Promise<boolean> {
    const { config, from } = this.#inputs;
    if (this.#step > 0) return !from.unevaluated || await this.due.close(this.due.pointAt(this.#step));
    const evaluates = config.eval_on_start && (from.unevaluated ?? true);
    return !evaluates || await this.due.evaluate(this.#step) !== null;
  }

  /** Forward and backward of the next step, with the end of one that went ahead; null when interrupted. */
  async score(batches: readonly (readonly EncodedExample[])[]): Promise<ScoredStep | null> {
    const { signal, log, from } = this.#inputs;
    // until a step is done there is neither a loss nor a pace to show, and a large model's first one takes minutes
    const onPack = this.#step !== from.step
      ? undefined
      : (done: number, total: number) => log.phase("packs of the first step", done, total);
    const scored = await accumulateGradients(this.#inputs, batches, this.#step, onPack).catch(
      async (error) => {
        await this.#settle();
        throw error;
      },
    );
    const wasAhead = this.#ahead !== null, changed = await this.#settle();
    if (changed === null || (wasAhead && signal.aborted)) return null;
    return changed ? await accumulateGradients(this.#inputs, batches, this.#step) : scored;
  }

  /**
   * Updates what is trained and reports the step, or goes ahead and leaves that to the next forward pass.
   * @param began When the step began, milliseconds of `performance.now()`
   * @returns False if it went ahead: nothing is due behind such a step
   */
  async update(
    batches: readonly (readonly EncodedExample[])[],
    scored: ScoredStep,
    began: number,
  ): Promise<boolean> {
    const { loss, log } = this.#inputs, step = this.#step;
    const learningRate = this.#rate(step), point = this.due.pointAt(step + 1);
    // An evaluation, a checkpoint, the end and the next step's answers look at the weights, so the step is waited for; else its norm comes with the next forward pass.
    const looksAtWeights = this.due.looksAtWeights(point) || this.#inputs.rollouts !== undefined;
    const take = looksAtWeights ? stepOrExplain : stepOrGoAhead;
    const gradNorm = await take(this.#inputs, batches, learningRate);
    const seconds = (performance.now() - began) / 1000;
    const report = (gradNorm: number) =>
      log.step({ ...point, ...stepReport(loss, scored), gradNorm, learningRate, seconds });
    this.#step++;
    if (gradNorm === null) this.#ahead = { step, batches, learningRate, report };
    else report(gradNorm);
    return gradNorm !== null;
  }

  /** The result at the end of all steps, or where early stopping ended them. */
  finished(): LoopResult {
    return { ...this.#result(), finished: true, evaluation: this.due.evaluationAt(this.#step) };
  }

  /**
   * Saves what is done.
   * @param unevaluated True if the evaluation that is due at this step didn't end
   */
  async interrupted(unevaluated = false): Promise<LoopResult> {
    await this.#inputs.engine.discard();
    if (!this.due.isSaved(this.#step) || this.#step === 0) await this.due.save(this.#step, unevaluated);
    return { ...this.#result(), finished: false, evaluation: null };
  }

  #result(): Pick<LoopResult, "step" | "best" | "keep"> {
    return { step: this.#step, best: this.due.best, keep: () => this.due.keep(this.#step) };
  }

  /** Reports the step that went ahead, if any. Whether it changed the weights only now; null when it was interrupted instead. */
  async #settle(): Promise<boolean | null> {
    const ahead = this.#ahead;
    if (!ahead) return false;
    this.#ahead = null;
    const late = await lateNorm(this.#inputs, ahead);
    if (late) ahead.report(late.norm);
    else this.#step = ahead.step;
    return late && late.again;
  }
}
