/**
 * The log of a run: gathers what the trainer reports, shows it, and writes trainer_log.jsonl; at the end it gives
 * trainer_state.json and the results, all in LLaMA-Factory's and transformers' form.
 *
 * A log's `loss` is the plain mean of its steps' losses, rounded to four digits as transformers does; metrics are means
 * weighted by examples. Speeds count what was done since this start, durations all starts together.
 * @module
 */
import { join } from "@std/path";

import { item } from "../../../../formats/elements.ts";
import { appendLine } from "../../../../formats/append.ts";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import type { LogSink, StepReport } from "../../../../plugins/kinds/log_sink.ts";
import { isDue, type SchedulePoint } from "../../../../plugins/trainers/schedule_points.ts";
import { jsonLine } from "../format.ts";
import {
  addStep,
  evaluationEntry,
  isEvaluation,
  logEntry,
  logRow,
  moreOfRow,
  summaryEntry,
  type TrainingPace,
} from "./log_entries.ts";
import type { Progress } from "./progress.ts";
import { logLine } from "./progress_text.ts";
import { type Report, type Reporter, tagged } from "../reporters/reporter.ts";
import { resultTexts, type RunResults } from "./results.ts";
import { emptyState, parseState, type RunLogState } from "./run_log_state.ts";
import type { RunLogSettings } from "./run_log_settings.ts";
import { trainerStateText } from "./trainer_state.ts";

/** Options of {@linkcode RunLog}. */
export interface RunLogOptions {
  /** Exists. Files are written there from the first report on. */
  outputDir: string;
  /** Keys that the log depends on. */
  settings: RunLogSettings;
  /** Progress on the terminal. */
  progress: Progress;
  /** See {@linkcode Reporter}; none by default. */
  reporters?: readonly Reporter[];
  /** The loss's `summarize`, applied to the means of every log. */
  summarize?: Loss["summarize"];
  /** Steps of the whole run where they are known before the first step; step reports tell them anyway. */
  totalSteps?: number;
  /** Milliseconds since 1970; `Date.now` by default. */
  now?: () => number;
  /** Bytes of memory that the process holds; the system's count by default. */
  memory?: () => number;
}

/** End of a run. */
export interface RunEnd {
  /** False after an interruption: there are no results then. */
  finished: boolean;
  /** Metrics of the evaluation after training; absent: those of an evaluation at the last step, if any. */
  evaluation?: Record<string, number>;
}

/** Files and results that the end of a run leaves to be written. */
export interface RunEndFiles {
  /** Texts by file name: trainer_state.json and the results. */
  files: Record<string, string>;
  /** The same results as values; null after an interruption. */
  results: RunResults | null;
}

/** The log of one run. Nothing is written before the first report or `restore`. */
export class RunLog implements LogSink {
  readonly #options: RunLogOptions;
  readonly #path: string;
  readonly #warned = new Set<string>();
  readonly #reporters: readonly Reporter[];
  readonly #now: () => number;
  readonly #memory: () => number;
  #state: RunLogState;
  #isOpen = false;
  #isFinished = false;
  /** Of this start only; `began` is the moment its first step or evaluation began, in ms. */
  #start = { began: null as number | null, steps: 0, tokens: 0, examples: 0, seconds: 0 };

  constructor(options: RunLogOptions) {
    const { reporters = [], now = Date.now, totalSteps = 0, outputDir } = options;
    const { memory = () => Deno.memoryUsage().rss } = options;
    this.#options = options;
    this.#path = join(outputDir, "trainer_log.jsonl");
    this.#reporters = reporters;
    this.#now = now;
    this.#memory = memory;
    this.#state = emptyState(now() / 1000, totalSteps);
  }

  phase(name: string, done: number, total: number, pace?: string): void {
    this.#options.progress.phase(name, done, total, pace);
  }

  warn(message: string): void {
    this.#options.progress.line(`warning: ${message}`);
  }

  note(message: string): void {
    this.#options.progress.line(`note: ${message}`);
  }

  /** @throws {RangeError} If the loss isn't finite */
  step(report: StepReport): void {
    const { step, totalSteps, epoch, loss, tokens, seconds, examples = 0 } = report;
    if (!Number.isFinite(loss)) {
      throw new RangeError(
        `Cannot log step ${step} as the loss needs to be finite: current value is ${loss}`,
      );
    }
    this.#begin(seconds);
    const point = { step, totalSteps, epoch, epochBefore: this.#state.epoch };
    addStep(this.#state, { ...report, metrics: this.#finite(report.metrics, step) });
    this.#start.steps += 1;
    this.#start.tokens += tokens;
    this.#start.examples += examples;
    this.#tick();
    if (this.#isLogDue(point)) this.#writeLog(report);
    const { speed, left } = this.#pace();
    this.#options.progress.step({
      step,
      totalSteps,
      loss,
      margin: report.metrics["rewards/margins"] ?? null,
      ...(report.metrics.reward !== undefined && { reward: report.metrics.reward }),
      tokensPerSecond: speed,
      remainingSeconds: left,
    });
  }

  evaluation(
    step: number,
    epoch: number,
    metrics: Record<string, number>,
    best: { step: number; value: number } | null = null,
  ): void {
    this.#begin(0);
    this.#tick();
    const kept = this.#finite(metrics);
    const { best: before } = this.#state;
    if (best !== null && best.step !== before?.step) {
      this.#state.best = { metric: best.value, step: best.step, saved: false };
    }
    const entry = evaluationEntry(this.#state, this.#options.settings, kept, { step, epoch });
    const more = moreOfRow(entry);
    this.#record(
      entry,
      logRow(this.#state, this.#pace(), { eval_loss: kept.eval_loss }, { step, epoch, more }),
    );
    this.#options.progress.line(logLine(entry, this.#state.totalSteps));
  }

  checkpoint(step: number, directory: string): void {
    if (this.#state.best?.step === step) this.#state.best.saved = true;
    this.#options.progress.line(`saved ${directory}`);
  }

  checkpointFiles(): Record<string, string> {
    const isLast = this.#state.step >= this.#state.totalSteps;
    return { "trainer_state.json": trainerStateText(this.state(), this.#options.settings, isLast) };
  }

  /** State for a checkpoint. */
  state(): RunLogState {
    this.#tick();
    const copy = structuredClone(this.#state);
    // A checkpoint is the only place that a state goes to, and it is one of this step.
    if (copy.best?.step === copy.step) copy.best.saved = true;
    return copy;
  }

  /** @throws {TypeError} If it isn't what {@linkcode RunLog.state} gave */
  restore(saved: unknown): void {
    this.#state = structuredClone(parseState(saved));
    this.#start = { began: null, steps: 0, tokens: 0, examples: 0, seconds: this.#state.seconds };
    this.#open();
  }

  /** Writes the closing line and gives what is to be written beside the log. @throws {Error} The second time */
  finish({ finished, evaluation }: RunEnd): RunEndFiles {
    if (this.#isFinished) throw new Error("Cannot finish the log as it is finished already");
    this.#isFinished = true;
    this.#tick();
    this.#options.progress.stop();
    if (!this.#isOpen) this.#open();
    const results = finished ? this.#results(evaluation) : null;
    const state = trainerStateText(this.#state, this.#options.settings, finished);
    return { files: { "trainer_state.json": state, ...(results && resultTexts(results)) }, results };
  }

  #isLogDue(point: SchedulePoint): boolean {
    const { logging_strategy: strategy, logging_steps, logging_first_step } = this.#options.settings;
    const isFirst = logging_first_step && point.step === 1 && strategy !== "no";
    return isFirst || isDue(strategy, logging_steps, point);
  }

  #writeLog({ step, epoch, gradNorm, learningRate }: StepReport): void {
    const { settings, summarize, progress } = this.#options;
    const norm = this.#finite({ grad_norm: gradNorm });
    const entry = logEntry(this.#state, settings, { ...norm, learning_rate: learningRate }, summarize);
    const { loss, "rewards/accuracies": accuracy } = entry;
    const more = { ...moreOfRow(entry), memory: this.#memory() };
    this.#record(
      entry,
      logRow(this.#state, this.#pace(), { loss, accuracy, lr: learningRate }, { step, epoch, more }),
    );
    progress.log({ entry, totalSteps: this.#state.totalSteps, ...this.#pace() });
  }

  /** Keeps and writes one log. */
  #record(entry: Record<string, number>, row: RunLogState["rows"][number] | null): void {
    const wallTime = this.#now() / 1000;
    this.#state.history.push(entry);
    this.#state.wallTimes.push(wallTime);
    for (const reporter of this.#reporters) reporter.append(reportOf(entry, wallTime));
    if (row === null) return;
    this.#state.rows.push(row);
    appendLine(this.#path, jsonLine(row));
  }

  #results(evaluation: Record<string, number> | undefined): RunResults {
    const { settings } = this.#options;
    const { step, epoch, history } = this.#state;
    const summary = summaryEntry(this.#state, settings, this.#start);
    const row = step > 0 ? logRow(this.#state, this.#pace(), {}, { step, epoch }) : null;
    this.#record({ ...summary, step }, row);
    const atLastStep = history.findLast((entry) => isEvaluation(entry) && entry.step === step);
    const { step: _step, ...metrics } = evaluation ? this.#finite(evaluation) : atLastStep ?? {};
    const hasEvaluation = Object.keys(metrics).length > 0;
    return {
      train: step > 0 ? summary : null,
      eval: hasEvaluation ? evaluationEntry(this.#state, settings, metrics, { epoch }) : null,
    };
  }

  #begin(secondsBefore: number): void {
    if (this.#isFinished) throw new Error("Cannot log as the log is finished already");
    this.#start.began ??= this.#now() - secondsBefore * 1000;
    if (!this.#isOpen) this.#open();
  }

  /** Writes the files up to the state: empty ones at the start of a run. */
  #open(): void {
    const { rows, history, wallTimes, startedAt } = this.#state;
    writeFileAtomicSync(this.#path, rows.map((line) => jsonLine(line) + "\n").join(""));
    const reports = history.map((entry, i) => reportOf(entry, item(wallTimes, i)));
    for (const reporter of this.#reporters) reporter.rewrite(reports, startedAt);
    this.#isOpen = true;
  }

  #tick(): void {
    const { began, seconds } = this.#start;
    if (began !== null) this.#state.seconds = seconds + (this.#now() - began) / 1000;
  }

  /** Tokens per second since this start, and seconds left at its pace. */
  #pace(): TrainingPace {
    const { steps, tokens } = this.#start;
    const seconds = this.#state.seconds - this.#start.seconds;
    if (!(seconds > 0)) return { speed: 0, left: 0 };
    const left = steps > 0 ? seconds / steps * (this.#state.totalSteps - this.#state.step) : 0;
    return { speed: tokens / seconds, left };
  }

  /** Leaves out what JSON can't hold, with one warning per name. */
  #finite(metrics: Readonly<Record<string, number>>, step = this.#state.step): Record<string, number> {
    return Object.fromEntries(
      Object.entries(metrics).filter(([name, value]) => {
        if (Number.isFinite(value)) return true;
        if (!this.#warned.has(name)) {
          this.warn(`${name} is ${value} at step ${step}; such values stay out of the log`);
        }
        this.#warned.add(name);
        return false;
      }),
    );
  }
}

function reportOf(entry: Record<string, number>, wallTime: number): Report {
  return { step: entry.step ?? 0, epoch: entry.epoch ?? 0, wallTime, values: tagged(entry) };
}
