/**
 * One training among many, and one evaluation of it: finished ones are left, killed ones continue.
 * @module
 */
import { join } from "@std/path";

import type { YamlFile } from "../../formats/yaml/yaml.ts";
import type { Registry } from "../../plugins/registry.ts";
import { VERSION } from "../common/cli.ts";
import { resolveEvalConfig } from "../eval/config.ts";
import { evaluate, type Evaluated } from "../eval/run.ts";
import { train } from "../train.ts";
import type { Progress } from "../train/outputs/progress.ts";

/** What all cells share. */
export interface CellContext {
  /** Stops between steps, with a checkpoint. */
  signal: AbortSignal;
  /** Shows how far a cell is. */
  progress: Progress;
}

/** Thrown when Ctrl-C stopped a cell; what is done stays. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/**
 * Trains one cell by the code of `deno task train`, quietly.
 * @param overrides Without those of the output folder
 * @throws {Interrupted} If it was stopped
 */
export async function trainCell(
  config: string,
  overrides: readonly string[],
  directory: string,
  { signal, progress }: CellContext,
): Promise<void> {
  const own = [`output_dir=${JSON.stringify(directory)}`, "resume_from_checkpoint=auto"];
  const lines: string[] = [];
  const { finished } = await train(config, [...overrides, ...own], {
    signal,
    progress,
    say: (line) => void lines.push(line),
  });
  progress.stop();
  if (!finished || signal.aborted) throw new Interrupted("stopped");
}

/**
 * Carries out one evaluation.
 * @param file As `deno task eval` takes it
 * @throws {Interrupted} If it was stopped
 * @throws {Error} If it isn't complete otherwise
 */
export async function evaluateCell(
  file: YamlFile,
  overrides: readonly string[],
  registry: Registry,
  { signal, progress }: CellContext,
): Promise<Evaluated> {
  const { config, placeOf } = resolveEvalConfig(file, overrides);
  let done: Evaluated;
  try {
    done = await evaluate(config, registry, {
      signal,
      progress: (stage, done, total) => progress.phase(stage, done, total),
      version: VERSION,
      placeOf,
    });
  } finally {
    progress.stop();
  }
  if (signal.aborted) throw new Interrupted("stopped");
  if (done.complete) return done;
  throw new Error(
    `Cannot go on as a whole evaluation is needed: current value of ${config.out_dir} is incomplete` +
      `${done.stopped === null ? "" : `, ${done.stopped.message}`}; ${
        join(config.out_dir, "report.html")
      } says more`,
  );
}
