/**
 * When something is due in a run (a log line, an evaluation, a checkpoint), and which evaluation is the best so far. One
 * rule for the loop and for what it reports to.
 * @module
 */
import { absoluteSteps } from "../kinds/train_config.ts";

/** Where a run stands right after a step. */
export interface SchedulePoint {
  /** Optimizer steps done, > 0. */
  step: number;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Epochs done, fractional. */
  epoch: number;
  /** Epochs that were done before this step. */
  epochBefore: number;
}

/**
 * True if something is due after a step.
 * @param strategy `steps`: every so many steps; `epoch`: when an epoch has ended, and at the end of a run that ends within one, as
 * transformers' Trainer takes it
 * @param every Steps between two times; below 1 a share of all steps
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isDue } from "./schedule_points.ts";
 *
 * const point = { step: 4, totalSteps: 8, epoch: 1, epochBefore: 0.75 };
 * assertEquals(["no", "epoch", "steps"].map((strategy) => isDue(strategy as "no", 3, point)), [false, true, false]);
 * assertEquals(isDue("steps", 0.5, point), true);
 * ```
 */
export function isDue(strategy: "no" | "steps" | "epoch", every: number, point: SchedulePoint): boolean {
  switch (strategy) {
    case "no":
      return false;
    case "steps":
      return point.step % absoluteSteps(every, point.totalSteps) === 0;
    case "epoch":
      return point.step === point.totalSteps || wholeEpochs(point.epoch) > wholeEpochs(point.epochBefore);
  }
}

/** Epochs are quotients of step counts: a whole one may lie a last digit too low. */
function wholeEpochs(epoch: number): number {
  return Math.floor(epoch + 1e-9);
}

/** The best evaluation so far, as a checkpoint keeps it. */
export interface BestSoFar {
  /** Value of the metric. */
  value: number;
  /** Optimizer steps done then. */
  step: number;
  /** Evaluations since that weren't better. */
  patience: number;
}

/** The metric that decides, and its direction. */
export interface BestBy {
  /** Key of an evaluation, such as `eval_loss`; null: nothing is kept track of. */
  metric_for_best_model: string | null;
  /** True if a higher value is better. */
  greater_is_better: boolean;
}

/** Keeps track of the best evaluation of a run. */
export class Best {
  readonly #by: BestBy;
  #soFar: BestSoFar | null;

  /** @param soFar From a checkpoint; null at the start of a run */
  constructor(by: BestBy, soFar: BestSoFar | null = null) {
    this.#by = by;
    this.#soFar = soFar;
  }

  /** The best so far; null before the first evaluation, and when no metric decides. */
  get soFar(): BestSoFar | null {
    return this.#soFar;
  }

  /**
   * Takes note of an evaluation. One whose metric isn't a number is never the best.
   * @returns Whether it is better than all before it
   * @throws {RangeError} If the evaluation lacks the metric
   */
  see(metrics: Readonly<Record<string, number>>, step: number): boolean {
    const name = this.#by.metric_for_best_model;
    if (name === null) return false;
    const value = metrics[name];
    if (value === undefined) {
      const known = Object.keys(metrics).filter((key) => !/runtime|per_second/.test(key)).join(", ");
      throw new RangeError(
        `Cannot tell the best checkpoint by metric_for_best_model: ${name} as the evaluation gave ${known}: use one of these`,
      );
    }
    const best = this.#soFar;
    const isBetter = !Number.isNaN(value) &&
      (best === null || (this.#by.greater_is_better ? value > best.value : value < best.value));
    if (isBetter) this.#soFar = { value, step, patience: 0 };
    else if (best !== null) this.#soFar = { ...best, patience: best.patience + 1 };
    return isBetter;
  }
}
