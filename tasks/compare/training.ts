/**
 * Trainings read back from their folders: configuration, curves, last and best values.
 * @module
 */
import { basename, join, resolve } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readTrainConfig, type TrainConfig } from "../train/config/mod.ts";
import { isFinished } from "../train/outputs/run_files.ts";

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
  /** Whether it ran to its end. */
  finished: boolean;
  /** Optimizer steps done. */
  steps: number;
  /** Optimizer steps of the whole run; null where no line says. */
  totalSteps: number | null;
  /** `log_history`: logs and evaluations. */
  history: readonly HistoryEntry[];
  /** Tokens of all sequences, shared prefixes counted in each; null where no line says. */
  tokens: number | null;
  /** Seconds of training; null if it isn't finished. */
  seconds: number | null;
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
 */
export function readTraining(directory: string): Training {
  const path = join(directory, "run.yaml");
  const refuse = (why: string): RangeError =>
    new RangeError(`Cannot read ${directory} as the folder of a training: ${why}`);
  if (!exists(directory)) throw refuse("there is no such folder");
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
  const history = historyOf(directory);
  const log = lastLine(join(directory, "trainer_log.jsonl"));
  const results = json(join(directory, "train_results.json"));
  return {
    name: basename(resolve(directory)),
    directory,
    config,
    finished: isFinished(directory),
    steps: history.reduce((most, { step = 0 }) => Math.max(most, step), 0),
    totalSteps: numberOf(log?.total_steps),
    history,
    tokens: numberOf(log?.total_tokens),
    seconds: numberOf(results?.train_runtime),
  };
}

/** Ends of a curve, such as `loss`; null where it has no value. */
export function curveEnds({ history }: Pick<Training, "history">, key: string): CurveEnds | null {
  const values = history.map((entry) => entry[key]).filter((value) => value !== undefined);
  const last = values.at(-1);
  if (last === undefined) return null;
  return { last, lowest: Math.min(...values), highest: Math.max(...values) };
}

/** `log_history` of a finished run's state, or of a stopped one's; empty before the first. */
function historyOf(directory: string): HistoryEntry[] {
  const state = json(join(directory, "trainer_state.json")) as { log_history?: HistoryEntry[] } | null;
  return state?.log_history ?? [];
}

function lastLine(path: string): Record<string, unknown> | null {
  if (!exists(path)) return null;
  const line = Deno.readTextFileSync(path).trimEnd().split("\n").at(-1) ?? "";
  return line === "" ? null : JSON.parse(line);
}

function json(path: string): Record<string, unknown> | null {
  return exists(path) ? JSON.parse(Deno.readTextFileSync(path)) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
