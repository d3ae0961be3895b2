/**
 * The log of a run: gathers what the trainer reports, shows it, and writes trainer_log.jsonl, trainer_state.json and
 * the results, in LLaMA-Factory's and transformers' form.
 *
 * A log's `loss` is the plain mean of its steps' losses, rounded to four digits as transformers does; metrics are means
 * weighted by examples. Speeds count what was done since this start, durations all starts together.
 * @module
 */
import { join } from "@std/path";

import { writeError, writeFileAtomicSync } from "../../../formats/atomic.ts";
import { absoluteSteps } from "../../../plugins/kinds/train_config.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import type { LogSink, StepReport } from "../../../plugins/kinds/log_sink.ts";
import { hms, jsonLine, roundHalfEven } from "./_format.ts";
import { logLine, type Progress } from "./progress.ts";
import { type Report, type Reporter, tagged } from "./reporter.ts";
import { writeResults } from "./results.ts";
import { emptyState, parseState, type RunLogState } from "./run_log_state.ts";
import type { RunLogSettings } from "./run_log_settings.ts";
import { trainerStateText } from "./trainer_state.ts";

/** What {@linkcode createRunLog} takes. */
export interface RunLogOptions {
  /** Exists. Files are written there from the first report on. */
  outputDir: string;
  /** What it needs of the configuration. */
  settings: RunLogSettings;
  /** What the user sees. */
  progress: Progress;
  /** See {@linkcode Reporter}; none by default. */
  reporters?: readonly Reporter[];
  /** The loss's `summarize`, applied to the means of every log. */
  summarize?: Loss["summarize"];
  /** Steps of the whole run where they are known before the first step; step reports tell them anyway. */
  totalSteps?: number;
  /** Milliseconds since 1970; `Date.now` by default. */
  now?: () => number;
}

/** What the end of a run leaves. */
export interface RunEnd {
  /** False after an interruption: no results are written then. */
  finished: boolean;
  /** Metrics of the evaluation after training; absent: those of an evaluation at the last step, if any. */
  evaluation?: Record<string, number>;
}

/** A log sink that can also be looked at and ended. */
export interface RunLog extends LogSink {
  /** See {@linkcode LogSink}; always there. */
  checkpointFiles(): Record<string, string>;
  /** What a checkpoint keeps. */
  state(): RunLogState;
  /** Writes the closing line, trainer_state.json and the results; gives the names of the files in the directory. */
  finish(end: RunEnd): string[];
}

/** Keys whose values depend on the clock; all others are the same for a resumed and an uninterrupted run. */
export const WALL_CLOCK_KEYS: readonly string[] = [
  "elapsed_time",
  "remaining_time",
  "throughput",
  "train_runtime",
  "train_samples_per_second",
  "train_steps_per_second",
  "eval_runtime",
  "eval_samples_per_second",
  "eval_steps_per_second",
];

/** Makes the log of one run. Nothing is written before the first report or `restore`. */
export function createRunLog(options: RunLogOptions): RunLog {
  const { settings, progress, reporters = [], now = Date.now } = options;
  const path = join(options.outputDir, "trainer_log.jsonl");
  let state = emptyState(now() / 1000, options.totalSteps ?? 0);
  let open = false;
  let done = false;
  // Of this start only; `began` is the moment its first step or evaluation began, in ms.
  const start = { began: null as number | null, steps: 0, tokens: 0, examples: 0, seconds: 0 };
  const warned = new Set<string>();

  const log: RunLog = {
    phase: (name, doneUnits, total) => progress.phase(name, doneUnits, total),
    warn: (message) => progress.line(`warning: ${message}`),
    note: (message) => progress.line(`note: ${message}`),

    step(report) {
      if (!Number.isFinite(report.loss)) {
        throw new RangeError(
          `Cannot log step ${report.step} as the loss needs to be finite: current value is ${report.loss}`,
        );
      }
      begin(report.seconds);
      const before = state.epoch;
      count(report);
      tick();
      const due = isDue(report, before);
      if (due) writeLog(report);
      const { speed, left } = pace();
      progress.step({
        step: report.step,
        totalSteps: report.totalSteps,
        loss: report.loss,
        margin: report.metrics["rewards/margins"] ?? null,
        tokensPerSecond: speed,
        remainingSeconds: left,
      });
    },

    evaluation(step, epoch, metrics) {
      begin(0);
      tick();
      const kept = finiteOnly(metrics);
      judge(step, kept);
      const entry = { ...kept, epoch, ...seen(), step };
      record(entry, row({ eval_loss: kept.eval_loss }, step, epoch));
      progress.line(logLine(entry, state.totalSteps));
    },

    checkpoint(step, directory) {
      if (state.best?.step === step) state.best.saved = true;
      progress.line(`saved ${directory}`);
    },

    checkpointFiles: () => ({
      "trainer_state.json": trainerStateText(log.state(), settings, state.step >= state.totalSteps),
    }),

    state() {
      tick();
      const copy = structuredClone(state);
      // A checkpoint is the only place that a state goes to, and it is one of this step.
      if (copy.best?.step === copy.step) copy.best.saved = true;
      return copy;
    },

    restore(saved) {
      state = structuredClone(parseState(saved));
      Object.assign(start, { began: null, steps: 0, tokens: 0, examples: 0, seconds: state.seconds });
      openFiles();
    },

    finish({ finished, evaluation }) {
      if (done) throw new Error("Cannot finish the log as it is finished already");
      done = true;
      tick();
      progress.stop();
      if (!open) openFiles();
      const results = finished ? writeSummary(evaluation) : [];
      const text = trainerStateText(state, settings, finished);
      writeFileAtomicSync(join(options.outputDir, "trainer_state.json"), text);
      return ["trainer_log.jsonl", "trainer_state.json", ...results];
    },
  };
  return log;

  function begin(secondsBefore: number): void {
    if (done) throw new Error("Cannot log as the log is finished already");
    start.began ??= now() - secondsBefore * 1000;
    if (!open) openFiles();
  }

  function openFiles(): void {
    writeFileAtomicSync(path, state.rows.map((line) => jsonLine(line) + "\n").join(""));
    const reports = state.history.map((entry, i) => reportOf(entry, state.wallTimes[i]!));
    for (const reporter of reporters) reporter.rewrite(reports, state.startedAt);
    open = true;
  }

  function tick(): void {
    if (start.began !== null) state.seconds = start.seconds + (now() - start.began) / 1000;
  }

  function count({ step, totalSteps, epoch, loss, tokens, examples, counts, metrics }: StepReport): void {
    const { window } = state;
    state.step = step;
    state.totalSteps = totalSteps;
    state.epoch = epoch;
    state.tokens += tokens;
    state.examples += examples ?? 0;
    state.lossSum += loss;
    window.steps += 1;
    window.lossSum += loss;
    for (const [name, value] of Object.entries(finiteOnly(metrics))) {
      const weight = counts?.[name] ?? examples ?? 1;
      const [sum, weights] = window.sums[name] ?? [0, 0];
      window.sums[name] = [sum + value * weight, weights + weight];
    }
    start.steps += 1;
    start.tokens += tokens;
    start.examples += examples ?? 0;
  }

  function isDue({ step, totalSteps, epoch }: StepReport, epochBefore: number): boolean {
    if (settings.logging_first_step && step === 1 && settings.logging_strategy !== "no") return true;
    if (settings.logging_strategy === "steps") {
      return step % absoluteSteps(settings.logging_steps, totalSteps) === 0;
    }
    // Epochs are quotients of step counts: a whole one may come out a last digit too low.
    const whole = (value: number) => Math.floor(value + 1e-9);
    return settings.logging_strategy === "epoch" && whole(epoch) > whole(epochBefore);
  }

  function writeLog({ step, epoch, gradNorm, learningRate }: StepReport): void {
    const { window } = state;
    const means: Record<string, number> = {};
    for (const [name, [sum, weights]] of Object.entries(window.sums)) {
      if (weights > 0) means[name] = sum / weights;
    }
    Object.assign(means, options.summarize?.(means));
    const loss = roundHalfEven(window.lossSum / window.steps, 4);
    state.window = { steps: 0, lossSum: 0, sums: {} };
    const norm = finiteOnly({ grad_norm: gradNorm });
    const entry = { loss, ...norm, learning_rate: learningRate, ...means, epoch, ...seen(), step };
    record(entry, row({ loss, accuracy: means["rewards/accuracies"], lr: learningRate }, step, epoch));
    progress.log({ entry, totalSteps: state.totalSteps, ...pace() });
  }

  /** One line of trainer_log.jsonl. */
  function row(
    values: Record<string, number | undefined>,
    step: number,
    epoch: number,
  ): RunLogState["rows"][0] {
    const { speed, left } = pace();
    const all = {
      current_steps: step,
      total_steps: state.totalSteps || undefined,
      ...values,
      epoch,
      percentage: state.totalSteps > 0 ? roundHalfEven(step / state.totalSteps * 100, 2) : undefined,
      elapsed_time: hms(state.seconds),
      remaining_time: hms(left),
      throughput: speed > 0 ? roundHalfEven(speed, 2) : undefined,
      total_tokens: state.tokens,
    };
    return Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    ) as RunLogState["rows"][0];
  }

  /** Keeps and writes one log. */
  function record(entry: Record<string, number>, line: RunLogState["rows"][0] | null): void {
    const wallTime = now() / 1000;
    state.history.push(entry);
    state.wallTimes.push(wallTime);
    for (const reporter of reporters) reporter.append(reportOf(entry, wallTime));
    if (line === null) return;
    state.rows.push(line);
    try {
      Deno.writeTextFileSync(path, jsonLine(line) + "\n", { append: true });
    } catch (error) {
      throw writeError(error, path);
    }
  }

  /** Tokens per second since this start, and seconds left at its pace. */
  function pace(): { speed: number; left: number } {
    const seconds = state.seconds - start.seconds;
    if (!(seconds > 0)) return { speed: 0, left: 0 };
    const left = start.steps > 0 ? seconds / start.steps * (state.totalSteps - state.step) : 0;
    return { speed: start.tokens / seconds, left };
  }

  function seen(): { num_input_tokens_seen?: number } {
    return settings.include_num_input_tokens_seen ? { num_input_tokens_seen: state.tokens } : {};
  }

  /** Leaves out what JSON can't hold, with one warning a name. */
  function finiteOnly(metrics: Readonly<Record<string, number>>): Record<string, number> {
    return Object.fromEntries(
      Object.entries(metrics).filter(([name, value]) => {
        if (Number.isFinite(value)) return true;
        if (!warned.has(name)) {
          log.warn(`${name} is ${value} at step ${state.step}; such values stay out of the log`);
        }
        warned.add(name);
        return false;
      }),
    );
  }

  /** Keeps track of the best evaluation. */
  function judge(step: number, metrics: Record<string, number>): void {
    const wanted = settings.metric_for_best_model;
    if (wanted === null) return;
    const metric = metrics[wanted.startsWith("eval_") ? wanted : `eval_${wanted}`];
    if (metric === undefined) return;
    const better = state.best === null ||
      (settings.greater_is_better ? metric > state.best.metric : metric < state.best.metric);
    if (better) state.best = { metric, step, saved: false };
  }

  function writeSummary(evaluation: Record<string, number> | undefined): string[] {
    const seconds = state.seconds - start.seconds;
    const perSecond = (n: number) => seconds > 0 ? roundHalfEven(n / seconds, 3) : 0;
    const summary: Record<string, number> = {
      ...(settings.flopsPerToken !== undefined && { total_flos: settings.flopsPerToken * state.tokens }),
      ...(state.step > 0 && { train_loss: state.lossSum / state.step }),
      train_runtime: roundHalfEven(state.seconds, 4),
      ...(start.examples > 0 && { train_samples_per_second: perSecond(start.examples) }),
      train_steps_per_second: perSecond(start.steps),
    };
    const common = { epoch: state.epoch, ...seen() };
    record(
      { ...common, ...summary, step: state.step },
      state.step > 0 ? row({}, state.step, state.epoch) : null,
    );
    const train = { ...common, ...summary };
    const last = state.history.findLast((entry) => "eval_loss" in entry && entry.step === state.step);
    const { step: _, ...atLastStep } = last ?? {};
    const judged = evaluation ? finiteOnly(evaluation) : atLastStep;
    const hasEvaluation = Object.keys(judged).length > 0;
    return writeResults(options.outputDir, {
      train: state.step > 0 ? train : null,
      eval: hasEvaluation ? { ...common, ...judged } : null,
    });
  }
}

function reportOf(entry: Record<string, number>, wallTime: number): Report {
  return { step: entry.step ?? 0, epoch: entry.epoch ?? 0, wallTime, values: tagged(entry) };
}
