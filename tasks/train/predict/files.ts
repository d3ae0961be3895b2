/**
 * Files of predictions: generated_predictions.jsonl, predict_results.json and all_results.json, as LLaMA-Factory and transformers
 * write them.
 * @module
 */
import { join } from "@std/path";

import { makeFolder, writeFileAtomic } from "../../../formats/atomic.ts";
import { exists } from "../../../formats/exists.ts";
import { readJsonFile } from "../../../formats/hf_model/json.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { jsonLine, sortedJson } from "../outputs/mod.ts";

/** A row that was answered. */
export interface Prediction {
  /** The prompt, special tokens shown. */
  prompt: string;
  /** What was generated. */
  predict: string;
  /** The answer of the data. */
  label: string;
}

/** Name of the file that has the answers. */
export const PREDICTIONS = "generated_predictions.jsonl";

/** Name of the file that has the losses. */
export const EVALUATION_RESULTS = "eval_results.json";

/** True if a finished run of this configuration lacks its answers, as it was stopped before they were whole. */
export function lacksAnswers(
  { do_predict, output_dir }: Pick<TrainConfig, "do_predict" | "output_dir">,
): boolean {
  return do_predict && !exists(join(output_dir, PREDICTIONS));
}

/** @throws {RangeError} If a file of that name lies there already and isn't to be overwritten */
export function checkAbsent(directory: string, name: string, overwrite: boolean): void {
  if (overwrite || !exists(join(directory, name))) return;
  throw new RangeError(
    `Cannot write ${
      join(directory, name)
    } as it is there already: set overwrite_output_dir: true, or another output_dir`,
  );
}

/**
 * Writes results of a finished model as SPLIT_results.json, and beside others that all_results.json has.
 * @returns Their names.
 */
export async function writeResults(
  directory: string,
  split: "predict" | "eval",
  results: Readonly<Record<string, number>>,
): Promise<string[]> {
  makeFolder(directory, "output_dir");
  const all = join(directory, "all_results.json");
  const before = exists(all) ? readJsonFile(all) as Record<string, unknown> : {};
  const texts = {
    "all_results.json": sortedJson({ ...before, ...results }, 4),
    [`${split}_results.json`]: sortedJson(results, 4),
  };
  for (const [name, text] of Object.entries(texts)) await writeFileAtomic(join(directory, name), text);
  return [`${split}_results.json`, "all_results.json"];
}

/**
 * Writes the files; other results in all_results.json stay.
 * @param rows A line each: answers, or numbers by name
 * @param results By name, with the prefix `predict_`.
 * @returns Their names.
 */
export async function writePredictions(
  directory: string,
  rows: readonly (Prediction | Readonly<Record<string, number>>)[],
  results: Readonly<Record<string, number>>,
): Promise<string[]> {
  const written = await writeResults(directory, "predict", results);
  // last: with them all is there
  const text = rows.map((row) => jsonLine({ ...row }) + "\n").join("");
  await writeFileAtomic(join(directory, PREDICTIONS), text);
  return [...written, PREDICTIONS];
}
