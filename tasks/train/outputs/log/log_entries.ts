/**
 * The entries of `log_history` and the lines of trainer_log.jsonl, made from the state of a log. Nothing is written here.
 * @module
 */
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import type { StepReport } from "../../../../plugins/kinds/log_sink.ts";
import { hms, roundHalfEven } from "../format.ts";
import type { RunLogState } from "./run_log_state.ts";
import type { RunLogSettings } from "./run_log_settings.ts";

/** One entry of `log_history`. */
export type LogEntry = Record<string, number>;

/** Tokens per second since this start of a run, and seconds left at its pace. */
export interface TrainingPace {
  speed: number;
  left: number;
}

type Seen = Pick<RunLogSettings, "include_num_input_tokens_seen">;

/** Counts a step in; its metrics are finite. A step after the first is one of the next log, see {@linkcode logEntry}. */
export function addStep(state: RunLogState, report: StepReport): void {
  const { step, totalSteps, epoch, loss, tokens, examples, counts, metrics } = report;
  const { window } = state;
  state.step = step;
  state.totalSteps = totalSteps;
  state.epoch = epoch;
  state.tokens += tokens;
  state.examples += examples ?? 0;
  state.lossSum += loss;
  window.steps += 1;
  window.lossSum += loss;
  for (const [name, value] of Object.entries(metrics)) {
    const weight = counts?.[name] ?? examples ?? 1;
    const [sum, weights] = window.sums[name] ?? [0, 0];
    window.sums[name] = [sum + value * weight, weights + weight];
  }
}

/** The log of the steps since the last one; empties the window. */
export function logEntry(
  state: RunLogState,
  settings: Seen,
  values: LogEntry,
  summarize?: Loss["summarize"],
): LogEntry {
  const { window, step, epoch } = state;
  const means: LogEntry = {};
  for (const [name, [sum, weights]] of Object.entries(window.sums)) {
    if (weights > 0) means[name] = sum / weights;
  }
  Object.assign(means, summarize?.(means));
  const loss = roundHalfEven(window.lossSum / window.steps, 4);
  state.window = { steps: 0, lossSum: 0, sums: {} };
  return { loss, ...values, ...means, epoch, ...seen(state, settings), step };
}

/** An evaluation as `log_history` (with its step) and eval_results.json (without) have it. */
export function evaluationEntry(
  state: RunLogState,
  settings: Seen,
  metrics: LogEntry,
  { step, epoch }: { step?: number; epoch: number },
): LogEntry {
  return { ...metrics, epoch, ...seen(state, settings), ...(step !== undefined && { step }) };
}

/** True of an evaluation's entry, whichever its sets are called. */
export function isEvaluation(entry: Readonly<LogEntry>): boolean {
  return Object.keys(entry).some((name) => name.startsWith("eval_"));
}

/** Totals of a run: the last entry of `log_history` but for its step. */
export function summaryEntry(
  state: RunLogState,
  settings: Seen,
  start: { steps: number; examples: number; seconds: number },
): LogEntry {
  const seconds = state.seconds - start.seconds;
  const perSecond = (count: number) => seconds > 0 ? roundHalfEven(count / seconds, 3) : 0;
  return {
    epoch: state.epoch,
    ...seen(state, settings),
    ...(state.step > 0 && { train_loss: state.lossSum / state.step }),
    train_runtime: roundHalfEven(state.seconds, 4),
    ...(start.examples > 0 && { train_samples_per_second: perSecond(start.examples) }),
    train_steps_per_second: perSecond(start.steps),
  };
}

/** Names of a log's entry that trainer_log.jsonl has under another one, or not at all. */
const OTHERWISE_IN_ROW = [
  "loss",
  "eval_loss",
  "learning_rate",
  "rewards/accuracies",
  "epoch",
  "step",
  "num_input_tokens_seen",
];

/** Metrics of an entry that LLaMA-Factory's lines have no name for: a line of trainer_log.jsonl has them under their own. */
export function moreOfRow(entry: LogEntry): LogEntry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !OTHERWISE_IN_ROW.includes(name)));
}

/**
 * One line of trainer_log.jsonl; values that are undefined are left out.
 * @param line `more`: what comes behind LLaMA-Factory's own names
 */
export function logRow(
  state: RunLogState,
  { speed, left }: TrainingPace,
  values: Readonly<Record<string, number | undefined>>,
  { step, epoch, more = {} }: { step: number; epoch: number; more?: LogEntry },
): RunLogState["rows"][number] {
  const { totalSteps, seconds, tokens } = state;
  const all = {
    current_steps: step,
    total_steps: totalSteps || undefined,
    ...values,
    epoch,
    percentage: totalSteps > 0 ? roundHalfEven(step / totalSteps * 100, 2) : undefined,
    elapsed_time: hms(seconds),
    remaining_time: hms(left),
    throughput: speed > 0 ? roundHalfEven(speed, 2) : undefined,
    total_tokens: tokens,
    ...more,
  };
  const row: RunLogState["rows"][number] = {};
  for (const [name, value] of Object.entries(all)) if (value !== undefined) row[name] = value;
  return row;
}

function seen(state: RunLogState, settings: Seen): LogEntry {
  return settings.include_num_input_tokens_seen ? { num_input_tokens_seen: state.tokens } : {};
}
