/**
 * Files that were made for another task than the one that they are given to, told apart by what stands at their top.
 * @module
 */

/** Tasks whose files have one key at the top, by that key. */
const TOPS: Readonly<Record<string, string>> = { evaluator: "eval", synth: "synth", replicate: "replicate" };

/** Keys of which a training's file has at least one, and a file for merging none. */
const TRAINS = ["do_train", "stage", "dataset", "output_dir"];

/**
 * `it is a file of the eval task: deno task eval takes it`, for a file of another task than the one that reads it; null where its
 * keys tell of none.
 * @param keys At the top of the file
 * @param own The key at the top of the files that this task reads; `train` and `export`, whose files have none
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fileOfOtherTask } from "./file_purpose.ts";
 *
 * assertEquals(fileOfOtherTask(["evaluator"], "train"), "it is a file of the eval task: deno task eval takes it");
 * assertEquals(fileOfOtherTask(["stage", "do_train"], "evaluator"), "it is a file for training: deno task train takes it");
 * assertEquals(fileOfOtherTask(["evaluater"], "evaluator"), null);
 * ```
 */
export function fileOfOtherTask(keys: Iterable<string>, own: string): string | null {
  const given = [...keys];
  const top = given.find((key) => Object.hasOwn(TOPS, key) && key !== own);
  if (top !== undefined) return `it is a file of the ${TOPS[top]} task: deno task ${TOPS[top]} takes it`;
  if (!Object.hasOwn(TOPS, own)) return null;
  if (given.some((key) => TRAINS.includes(key))) return "it is a file for training: deno task train takes it";
  return given.includes("export_dir")
    ? "it is a file for merging an adapter: deno task export takes it"
    : null;
}
