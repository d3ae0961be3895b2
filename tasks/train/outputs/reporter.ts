/**
 * Files for other tools that a run writes beside trainer_log.jsonl, named by `report_to`.
 * @module
 */
import { closest, distance } from "fastest-levenshtein";

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
   * Starts the file anew with these reports: none at the start of a run, those up to the checkpoint on resume.
   * `startedAt` (seconds since 1970) is the first start of the run and the same on resume.
   */
  rewrite(reports: readonly Report[], startedAt: number): void;
  /** Adds one report. */
  append(report: Report): void;
}

const reasons: Readonly<Record<string, string>> = {
  wandb: "it sends the log to a service; `wandb sync` imports TensorBoard files",
  swanlab: "it sends the log to a service; `swanlab convert` imports TensorBoard files",
  mlflow: "it needs Python and a server",
  trackio: "it needs Python; `trackio.import_tf_events` imports TensorBoard files",
};

/**
 * Checks the names of `report_to`: `none` and an empty list give none, `all` gives both files.
 * @throws {RangeError} If a service is asked for (with the reason why it isn't there) or a name is unknown.
 */
export function checkReportTo(names: readonly string[]): ("tensorboard" | "csv")[] {
  const known = ["none", "all", "tensorboard", "csv"];
  const chosen = new Set<"tensorboard" | "csv">();
  for (const name of names) {
    if (name === "tensorboard" || name === "all") chosen.add("tensorboard");
    if (name === "csv" || name === "all") chosen.add("csv");
    if (known.includes(name)) continue;
    const reason = reasons[name];
    if (reason !== undefined) {
      throw new RangeError(
        `Cannot report to ${name} as ${reason}: current value is ${name}. Use report_to: tensorboard or csv`,
      );
    }
    const near = closest(name, known);
    const hint = distance(name, near) <= 3 ? `. Did you mean ${near}?` : "";
    throw new RangeError(
      `Cannot report the log as report_to needs one of ${known.join(", ")}: current value is ${name}${hint}`,
    );
  }
  return [...chosen];
}

/** `eval_loss` → `eval/loss`, others → `train/…`, as transformers' TensorBoard callback names them. */
export function tagged(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => name !== "step")
      .map(([name, value]) => [name.startsWith("eval_") ? `eval/${name.slice(5)}` : `train/${name}`, value]),
  );
}
