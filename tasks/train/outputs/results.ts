/**
 * train_results.json, eval_results.json and all_results.json, as transformers' `save_metrics` writes them.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import { sortedJson } from "./_format.ts";

/** Results by split; null: that split has none. */
export interface Results {
  /** Of training. */
  train: Readonly<Record<string, number>> | null;
  /** Of the evaluation. */
  eval: Readonly<Record<string, number>> | null;
}

/**
 * Writes `<split>_results.json` for the splits that there are, and all of them together as all_results.json (evaluation
 * wins where a key is in both). Gives the names of the files written.
 * @throws {Error} If a file can't be written.
 */
export function writeResults(directory: string, results: Results): string[] {
  const { train, eval: evaluation } = results;
  const files: Record<string, Record<string, number>> = {
    ...(train !== null && { "train_results.json": { ...train } }),
    ...(evaluation !== null && { "eval_results.json": { ...evaluation } }),
    "all_results.json": { ...train, ...evaluation },
  };
  for (const [name, values] of Object.entries(files)) {
    writeFileAtomicSync(join(directory, name), sortedJson(values, 4));
  }
  return Object.keys(files);
}
