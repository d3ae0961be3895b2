/**
 * Trainings read back from their folders: configuration, curves, last and best values.
 * @module
 */
import { basename, join, resolve } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";
import { shown } from "../../formats/message.ts";
import { nearEntry } from "../../formats/near_entry.ts";
import { withoutNotNumbers } from "../../formats/python_text.ts";
import { readTrainConfig, type TrainConfig } from "../train/config/mod.ts";
import { setsOf } from "../train/outputs/finished/model_card.ts";
import { isFinished } from "../train/outputs/folder/run_files.ts";

/** One entry of `log_history`. */
export type HistoryEntry = Readonly<Record<string, number>>;

/** A training as its folder has it. */
export interface Training {
  /** Name of the folder. */
  name: string;
  /** Folder of the run. */
  directory: string;
  /** Every key, defaults filled in. */
  config: TrainConfig;
  /** True if it ran to its end. */
  finished: boolean;
  /** Optimizer steps done. */
  steps: number;
  /** Optimizer steps of the whole run; null where no line says. */
  totalSteps: number | null;
  /** `log_history`: logs and evaluations; of a run that was killed or is under way the lines of its log. */
  history: readonly HistoryEntry[];
  /** eval_results.json, the evaluation of what was kept at the end; {} where there was none. */
  evaluationAtEnd: HistoryEntry;
  /** Tokens of all sequences, shared prefixes counted in each; null where no line says. */
  tokens: number | null;
  /** Seconds of training; null where no line says. */
  seconds: number | null;
  /** Tokens a second; null where no line says. */
  tokensPerSecond: number | null;
  /** Most memory that a line says the process held, in bytes; null where none says. */
  memory: number | null;
}

/** Values of a curve that tables show. */
export interface CurveEnds {
  /** Of the last entry that has it. */
  last: number;
  /** Lowest value of all. */
  lowest: number;
  /** Highest value of all. */
  highest: number;
}

/**
 * Reads a folder.
 * @throws {RangeError} If it holds no training
 * @throws {SyntaxError} If a file of it is broken; names it
 */
export function readTraining(directory: string): Training {
  const path = join(directory, "run.yaml");
  const refuse = (why: string): RangeError =>
    new RangeError(`Cannot read ${directory} as the folder of a training: ${why}`);
  if (!exists(directory)) throw refuse(`there is no such folder${nearEntry(directory)}`);
  if (!exists(path)) throw refuse("it has no run.yaml; name the output_dir of deno task train");
  let config: TrainConfig;
  try {
    ({ config } = readTrainConfig(path));
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) {
      throw refuse(`its run.yaml is of something else, or of another version (${error.message})`);
    }
    throw error;
  }
  const rows = logRows(directory);
  const history = historyOf(directory, rows);
  const last = rows.at(-1);
  const results = json(join(directory, "train_results.json"));
  const tokens = numberOf(last?.total_tokens);
  const seconds = numberOf(results?.train_runtime) ?? secondsOf(last?.elapsed_time);
  const memory = rows.map((row) => numberOf(row.memory)).filter((value) => value !== null);
  return {
    name: basename(resolve(directory)),
    directory,
    config,
    finished: isFinished(directory),
    steps: history.reduce((most, { step = 0 }) => Math.max(most, step), 0),
    totalSteps: numberOf(last?.total_steps),
    history,
    evaluationAtEnd: numbersOf(json(join(directory, "eval_results.json")) ?? {}),
    tokens,
    seconds,
    tokensPerSecond: results !== null && tokens !== null && seconds !== null && seconds > 0
      ? tokens / seconds
      : numberOf(last?.throughput),
    memory: memory.length === 0 ? null : highest(memory),
  };
}

/** Ends of a curve, such as `loss`; null where it has no value. */
export function curveEnds({ history }: Pick<Training, "history">, key: string): CurveEnds | null {
  const values = history.map((entry) => entry[key]).filter((value) => value !== undefined);
  const last = values.at(-1);
  if (last === undefined) return null;
  return { last, lowest: values.reduce((a, b) => Math.min(a, b)), highest: highest(values) };
}

/**
 * Evaluation loss at the end, which the log has only where an evaluation was due there; else the last one of the log.
 * @param key `eval_NAME_loss` of a set that is evaluated by itself
 */
export function lastEvalLoss(
  training: Pick<Training, "history" | "evaluationAtEnd">,
  key = "eval_loss",
): number | null {
  return training.evaluationAtEnd[key] ?? curveEnds(training, key)?.last ?? null;
}

/** Lowest evaluation loss, that at the end too; null without any. */
export function lowestEvalLoss(
  training: Pick<Training, "history" | "evaluationAtEnd">,
  key = "eval_loss",
): number | null {
  const values = [curveEnds(training, key)?.lowest, training.evaluationAtEnd[key]];
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}

/** Sets that any of the trainings evaluates by itself, in order. */
export function setsApart(trainings: readonly Pick<Training, "config">[]): string[] {
  return [...new Set(trainings.flatMap(({ config }) => setsOf(config)))];
}

/** Of more values than a call takes arguments. */
function highest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
}

/** A line of trainer_log.jsonl. */
type LogRow = Readonly<Record<string, unknown>>;

/** `log_history` of the run's state; the log's lines where they are further, as a killed run leaves no state of its end. */
function historyOf(directory: string, rows: readonly LogRow[]): readonly HistoryEntry[] {
  const path = join(directory, "trainer_state.json");
  const list = json(path)?.log_history ?? [];
  if (!Array.isArray(list)) {
    throw new SyntaxError(`Cannot read ${path}: its log_history is no list`);
  }
  const odd = list.findIndex((entry) => typeof entry !== "object" || entry === null || Array.isArray(entry));
  if (odd >= 0) {
    throw new SyntaxError(
      `Cannot read ${path}: entry ${odd} of its log_history needs to be a map: current value is ${
        shown(list[odd])
      }`,
    );
  }
  // what is no number, such as null for a loss that was none, is no value of a curve
  const history = list.map((entry) => numbersOf(entry));
  const logged = numberOf(rows.at(-1)?.current_steps) ?? 0;
  return logged <= highest([0, ...history.map(({ step = 0 }) => step)]) ? history : rows.map(entryOf);
}

/** Names that a line has for keys of `log_history`. */
const NAMES: Readonly<Record<string, string>> = {
  current_steps: "step",
  lr: "learning_rate",
  accuracy: "rewards/accuracies",
};

function entryOf(row: LogRow): HistoryEntry {
  return Object.fromEntries(
    Object.entries(numbersOf(row)).map(([name, number]) => [NAMES[name] ?? name, number]),
  );
}

function numbersOf(row: LogRow): HistoryEntry {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => {
      const number = numberOf(value);
      return number === null ? [] : [[name, number] as const];
    }),
  );
}

/**
 * Whole lines; one at the end that is being written, or was cut off by a kill, is left out.
 * @throws {SyntaxError} If another one is damaged: values would be missing silently
 */
function logRows(directory: string): LogRow[] {
  const path = join(directory, "trainer_log.jsonl");
  if (!exists(path)) return [];
  const lines = Deno.readTextFileSync(path).split("\n");
  return lines.flatMap((line, i): LogRow[] => {
    if (line.trim() === "") return [];
    const row = rowOf(line);
    if (row !== null) return [row];
    if (i === lines.length - 1) return [];
    throw new SyntaxError(
      `Cannot read ${path}:${i + 1} as a line of a log: current value is ${
        shown(line)
      }; restore the file, or remove that line`,
    );
  });
}

function rowOf(line: string): LogRow | null {
  try {
    const row: unknown = JSON.parse(withoutNotNumbers(line, "null"));
    return typeof row === "object" && row !== null && !Array.isArray(row) ? row as LogRow : null;
  } catch {
    return null;
  }
}

/** Seconds of a text such as `101:02:03`. */
function secondsOf(text: unknown): number | null {
  const found = /^(\d+):(\d\d):(\d\d)$/.exec(String(text ?? ""));
  return found === null ? null : found.slice(1).reduce((sum, part) => 60 * sum + Number(part), 0);
}

function json(path: string): Record<string, unknown> | null {
  return exists(path) ? readJsonFile(path) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
