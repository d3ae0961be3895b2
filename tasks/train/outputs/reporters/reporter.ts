/**
 * Files for other tools that a run writes beside trainer_log.jsonl, named by `report_to`.
 * @module
 */
/** One log or evaluation, as reporters get it. */
export interface Report {
  /** Optimizer steps done. */
  step: number;
  /** Epochs done, fractional. */
  epoch: number;
  /** Seconds since 1970. */
  wallTime: number;
  /** Values by tag, such as "train/loss" and "eval/loss". */
  values: Record<string, number>;
}

/** Writes reports to one file. */
export interface Reporter {
  /** The file, once `rewrite` was called. */
  readonly path: string | null;
  /**
   * Starts the file again with these reports: none at the start of a run, those up to the checkpoint on resume.
   * `startedAt` (seconds since 1970) is the first start of the run and the same on resume.
   */
  rewrite(reports: readonly Report[], startedAt: number): void;
  /** Adds one report. */
  append(report: Report): void;
}

/** `eval_loss` → `eval/loss`, others → `train/…`, as transformers' TensorBoard callback names them. */
export function tagged(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name !== "step")
      .map(([name, value]) => [name.startsWith("eval_") ? `eval/${name.slice(5)}` : `train/${name}`, value]),
  );
}
