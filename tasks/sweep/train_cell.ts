/**
 * One training among many, and one evaluation of it: finished ones are left, killed ones continue.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import type { YamlFile } from "../../formats/yaml/yaml.ts";
import type { Registry } from "../../plugins/registry.ts";
import { Stopped } from "../ask/stopped.ts";
import { printError } from "../common/cli/print.ts";
import { VERSION } from "../common/version.ts";
import { registryOf } from "../common/config/config_file.ts";
import { resolveEvalConfig } from "../eval/config/config.ts";
import { evaluate, type Evaluated } from "../eval/run.ts";
import { train } from "../train.ts";
import { readTrainConfig } from "../train/config/mod.ts";
import type { Progress } from "../train/outputs/log/progress.ts";
import { isFinished } from "../train/outputs/folder/run_files.ts";
import { isSameRun } from "../train/own_run.ts";

/** Settings that all cells share. */
export interface CellContext {
  /** Stops between steps, with a checkpoint. */
  signal: AbortSignal;
  /** Shows how far a cell is. */
  progress: Progress;
  /** Command that goes on with all cells after an error of one; absent: that of the cell is told. */
  continues?: string;
  /** Gets a line while a model or a data set is downloaded; absent: standard error. */
  sayDownload?: (line: string) => void;
}

/** Thrown when Ctrl-C stopped a cell; what is done stays. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/**
 * Trains one cell by the code of `deno task train`, quietly but for downloads.
 * @param overrides Without those of the output folder
 * @throws {Interrupted} If it was stopped
 */
export async function trainCell(
  config: string,
  overrides: readonly string[],
  directory: string,
  { signal, progress, continues, sayDownload = printError }: CellContext,
): Promise<void> {
  const own = [`output_dir=${JSON.stringify(directory)}`, "resume_from_checkpoint=auto"];
  const all = [...overrides, ...own];
  if (await isDone(config, all, directory)) return;
  const { finished } = await train(config, all, { signal, progress, continues, sayDownload, say: () => {} });
  progress.stop();
  if (!finished || signal.aborted) throw new Interrupted("stopped");
}

/**
 * True if the folder of a cell holds its training, finished. A training without checkpoints can't tell by itself.
 * @throws {RangeError} If it holds another one, finished
 */
async function isDone(file: string, overrides: readonly string[], directory: string): Promise<boolean> {
  if (!exists(directory) || !isFinished(directory)) return false;
  const { config, placeOf } = readTrainConfig(file, overrides);
  if (isSameRun(directory, config, await registryOf(config.plugins, placeOf("plugins")))) return true;
  throw new RangeError(
    `Cannot train into ${directory} as it holds a finished run of another configuration: choose another folder, or remove it`,
  );
}

/**
 * Carries out one evaluation.
 * @param file As `deno task eval` takes it
 * @param registry For a file without plugins of its own
 * @throws {Interrupted} If it was stopped
 * @throws {Error} If it isn't complete otherwise
 */
export async function evaluateCell(
  file: YamlFile,
  overrides: readonly string[],
  registry: Registry,
  { signal, progress, sayDownload = printError }: CellContext,
): Promise<Evaluated> {
  const { config, placeOf } = resolveEvalConfig(file, overrides);
  let done: Evaluated;
  try {
    const own = config.plugins.length > 0 ? await registryOf(config.plugins, placeOf("plugins")) : registry;
    done = await evaluate(config, own, {
      signal,
      progress: (stage, done, total) => progress.phase(stage, done, total),
      version: VERSION,
      placeOf,
      sayDownload,
    });
  } catch (error) {
    throw error instanceof Stopped && error.why === "signal" ? new Interrupted("stopped") : error;
  } finally {
    progress.stop();
  }
  if (signal.aborted) throw new Interrupted("stopped");
  if (done.complete) return done;
  throw new Error(
    `Cannot continue: a whole evaluation is needed: current value of ${config.out_dir} is incomplete` +
      `${done.stopped === null ? "" : `, ${done.stopped.message}`}; ${
        done.unreported ?? `${join(config.out_dir, "report.html")} says more`
      }`,
  );
}
