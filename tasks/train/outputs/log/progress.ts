/**
 * What shows the progress of a run to its user.
 * @module
 */

/** Where a run stands after a step. */
export interface StepStatus {
  /** Optimizer steps done. */
  step: number;
  /** Of the whole run. */
  totalSteps: number;
  /** Of this step. */
  loss: number;
  /** `rewards/margins` of preference losses, else null. */
  margin: number | null;
  /** Mean reward of the step's answers, in stage grpo; else absent. */
  reward?: number;
  /** Real tokens per second since this start; 0: not known yet. */
  tokensPerSecond: number;
  /** Seconds left at this pace. */
  remainingSeconds: number;
}

/** One log line's values and the pace. */
export interface LogStatus {
  /** As in `log_history`. */
  entry: Readonly<Record<string, number>>;
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Tokens per second since this start. */
  speed: number;
  /** Seconds left. */
  left: number;
}

/** Shows the progress of a run. `stop` must be called in any case: a bar's timer keeps the process alive. */
export interface Progress {
  /** A phase without steps: `done` of `total` units, or of unknown length (0 in all, `done` 1 at its end); `pace` says how fast. */
  phase(name: string, done: number, total: number, pace?: string): void;
  /** A finished optimizer step. */
  step(status: StepStatus): void;
  /** One log. */
  log(status: LogStatus): void;
  /** One line of text that stays. */
  line(text: string): void;
  /** Takes the bar away. */
  stop(): void;
}

/** Stream to write to: `node:process`'s stderr, or a stand-in. */
export interface ProgressStream {
  /** True if a bar can be drawn. */
  isTTY?: boolean | undefined;
  /** Width of the terminal, in characters. */
  columns?: number | undefined;
  /** Writes text as it is. */
  write(text: string): unknown;
}

/** Shows nothing; for tests and embedders. */
export function silentProgress(): Progress {
  const nothing = () => {};
  return { phase: nothing, step: nothing, log: nothing, line: nothing, stop: nothing };
}
