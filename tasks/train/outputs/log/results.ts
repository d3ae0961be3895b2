/**
 * train_results.json, eval_results.json and all_results.json, as transformers' `save_metrics` writes them.
 * @module
 */
import { sortedJson } from "../format.ts";

/** Results by split; null: that split has none. */
export interface RunResults {
  /** Of training. */
  train: Readonly<Record<string, number>> | null;
  /** Of the evaluation. */
  eval: Readonly<Record<string, number>> | null;
}

/**
 * Texts by file name: `<split>_results.json` for the splits that there are, and all of them together as all_results.json
 * (evaluation wins where a key is in both).
 */
export function resultTexts({ train, eval: evaluation }: RunResults): Record<string, string> {
  return {
    ...(train !== null && { "train_results.json": sortedJson(train, 4) }),
    ...(evaluation !== null && { "eval_results.json": sortedJson(evaluation, 4) }),
    "all_results.json": sortedJson({ ...train, ...evaluation }, 4),
  };
}
