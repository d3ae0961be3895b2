/**
 * Where a trainer reports to; the run's files, the progress bar and event files are made from it.
 * @module
 */

/** One finished optimizer step. */
export interface StepReport {
  /** From 1. */
  step: number;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Epochs done, fractional. */
  epoch: number;
  /** As normalised by the loss. */
  loss: number;
  /** Global L2 norm before clipping. */
  gradNorm: number;
  /** Used in this step, >= 0. */
  learningRate: number;
  /** Means over the step's examples, flat names such as "rewards/margins". */
  metrics: Record<string, number>;
  /** Examples of the step, > 0: the weight of its metrics when several steps make one log. Absent: steps weigh alike. */
  examples?: number;
  /** Weight of a metric that not every example has (KTO), by name; absent names weigh as `examples`. */
  counts?: Record<string, number>;
  /** Real tokens of all sequences of the step, no padding, shared prefixes counted in each. */
  tokens: number;
  /** Wall-clock seconds that the step took. */
  seconds: number;
}

/** Receiver of what a trainer tells while it runs. */
export interface LogSink {
  /** A phase without steps, such as "reference log-probabilities"; `done` of `total` units; 0 in all: its length isn't known, and `done` is 1 at its end. */
  phase(name: string, done: number, total: number, pace?: string): void;
  /** A finished optimizer step. */
  step(report: StepReport): void;
  /**
   * Evaluation at a step: "eval_loss" and others.
   * @param best The best evaluation so far, this one included; null or nothing when none is looked for
   */
  evaluation(
    step: number,
    epoch: number,
    metrics: Record<string, number>,
    best?: { step: number; value: number } | null,
  ): void;
  /** A checkpoint that was written. */
  checkpoint(step: number, directory: string): void;
  /** Something that the user should know. */
  warn(message: string): void;
  /** Something to know that is no fault. */
  note?(message: string): void;
  /** Files of a checkpoint of this moment for other tools, by name: trainer_state.json. */
  checkpointFiles?(): Record<string, string>;
  /** State that a checkpoint stores and a resumed run gets back (log history). */
  state(): unknown;
  /** Takes back what `state` gave. */
  restore(state: unknown): void;
}

/** A sink that drops everything. */
export function silentLog(): LogSink {
  const nothing = () => {};
  return {
    phase: nothing,
    step: nothing,
    evaluation: nothing,
    checkpoint: nothing,
    warn: nothing,
    state: () => null,
    restore: nothing,
  };
}
