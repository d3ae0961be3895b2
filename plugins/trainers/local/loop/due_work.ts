/**
 * Work that is due between steps, evaluations and checkpoints, and what it has left so far: the best evaluation, the last one, the
 * last checkpoint.
 * @module
 */
import { Best, type BestSoFar, isDue, type SchedulePoint } from "../../schedule_points.ts";
import { type CheckpointState, saveCheckpoint } from "../checkpoints/checkpoint.ts";
import { pruneCheckpoints } from "../checkpoints/checkpoint_directory.ts";
import { evaluateSets } from "../scoring/evaluate.ts";
import type { LoopConfig, LoopInputs } from "./loop_inputs.ts";

/** Evaluates and saves for one run of the loop. */
export class DueWork {
  readonly #inputs: LoopInputs;
  readonly #best: Best;
  /** null: a checkpoint that lacks its evaluation is written again once it has it. */
  #savedStep: number | null;
  #evaluated: { step: number; metrics: Record<string, number> } | null = null;

  constructor(inputs: LoopInputs) {
    const { config, from } = inputs;
    this.#inputs = inputs;
    this.#best = new Best(config, from.best);
    this.#savedStep = from.unevaluated ? null : from.step;
  }

  /** The best evaluation so far; null without one. */
  get best(): BestSoFar | null {
    return this.#best.soFar;
  }

  /** Where the run stands right after a step. */
  pointAt(step: number): SchedulePoint {
    const { plan } = this.#inputs;
    return { step, totalSteps: plan.totalSteps, epoch: plan.epoch(step), epochBefore: plan.epoch(step - 1) };
  }

  /** True if as many evaluations as `early_stopping_steps` brought nothing better. */
  stopsEarly(): boolean {
    const { early_stopping_steps: patience } = this.#inputs.config;
    return patience !== null && (this.best?.patience ?? 0) >= patience;
  }

  /** True if an evaluation, a checkpoint or the end follows the step. */
  looksAtWeights(point: SchedulePoint): boolean {
    const { config } = this.#inputs;
    return isEvaluationDue(config, point) || isSaveDue(config, point, false) ||
      point.step === point.totalSteps;
  }

  /** Carries out what is due behind a step: its evaluation, then its checkpoint. False when the evaluation was interrupted. */
  async close(point: SchedulePoint): Promise<boolean> {
    const { config } = this.#inputs, { step } = point;
    const seen = isEvaluationDue(config, point) ? await this.evaluate(step) : { isBest: false };
    if (seen && isSaveDue(config, point, seen.isBest)) await this.save(step);
    return seen !== null;
  }

  /** Evaluates the weights after so many steps; null when interrupted. */
  async evaluate(step: number): Promise<{ isBest: boolean } | null> {
    const { config, plan, log, signal } = this.#inputs;
    const metrics = await evaluateSets(this.#inputs, this.#inputs, {
      batch: config.per_device_eval_batch_size,
      budget: config.micro_batch_tokens,
      signal,
      onProgress: (done, total) => log.phase("evaluation", done, total),
    });
    if (!metrics) return null;
    const isBest = step > 0 && this.#best.see(metrics, step);
    log.evaluation(step, plan.epoch(step), metrics, this.best);
    this.#evaluated = { step, metrics };
    return { isBest };
  }

  /** Metrics of an evaluation after so many steps; null if the last one was earlier. */
  evaluationAt(step: number): Record<string, number> | null {
    return this.#evaluated?.step === step ? this.#evaluated.metrics : null;
  }

  /** True if the last checkpoint is of this step. */
  isSaved(step: number): boolean {
    return this.#savedStep === step;
  }

  /**
   * Saves a checkpoint.
   * @param unevaluated True if the evaluation that is due at this step didn't end
   */
  async save(step: number, unevaluated = false): Promise<void> {
    await checkpoint(this.#inputs, { step, best: this.best, unevaluated });
    this.#savedStep = step;
  }

  /** Saves this step where it isn't saved yet; its weights must still be the engine's. */
  async keep(step: number): Promise<void> {
    if (!this.isSaved(step)) await this.save(step);
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
  const {
    config,
    record,
    engine,
    log,
    plan,
    references,
    target,
    dataHash,
    modelHash,
    modelConfigHash,
    referenceHash,
    carried,
  } = inputs;
  const trained = await engine.trained();
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
      ...(modelConfigHash !== undefined && { modelConfigHash }),
      ...(referenceHash !== undefined && { referenceHash }),
      ...(carried && { carried: carried.after(step) }),
      trains: Object.keys(trained),
    },
    target,
    trained,
    optimizer: config.save_only_model ? null : () => engine.optimizerState(),
    references: references.toJson(),
    files: log.checkpointFiles?.() ?? {},
  });
  log.checkpoint(step, path);
  const needed = config.load_best_model_at_end ? best?.step ?? null : null;
  pruneCheckpoints(config.output_dir, config.save_total_limit, needed);
}
