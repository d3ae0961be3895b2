/**
 * Names of what a run writes, and how the files of a finished run get into its folder together: they are written into a
 * hidden folder, which is renamed when it is whole; then they are moved. A kill before the renaming leaves none of them, one
 * after it is made good at the next start.
 * @module
 */
import { join } from "@std/path";

import { COMPLETIONS } from "../../../../plugins/trainers/local/rollouts/completions.ts";
import { remove } from "../../../../plugins/trainers/local/checkpoints/checkpoint_directory.ts";

/** Files that a run writes while it runs. */
export const LOG_FILES = /^(trainer_log\.jsonl|trainer_state\.json|metrics\.csv)$/;

/** Folders that a run writes into while it runs, and which of their files are its own: others may lie beside them. */
export const FOLDERS_OF_RUNS: ReadonlyMap<string, RegExp> = new Map([
  ["runs", /^events\.out\.tfevents\./],
  [COMPLETIONS, /^completions_\d+\.jsonl$/],
]);

/** Files that only a finished run has: weights, tokenizer, results, pictures and model card. */
export const FINISHED_FILES: RegExp = new RegExp(
  "^(" + [
    String.raw`adapter_(config\.json|model\.safetensors)`,
    String.raw`model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?`,
    String.raw`(generation_)?config\.json`,
    String.raw`tokenizer(_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json`,
    String.raw`vocab\.json|merges\.txt|chat_template\.jinja`,
    String.raw`(train|eval|predict|all)_results\.json|generated_predictions\.jsonl`,
    String.raw`training_[\w.-]+\.(png|svg)`,
    String.raw`README\.md`,
  ].join("|") + ")$",
);

/** Holds files of a finished run while they are written. */
export const STAGING = ".finished.partial";
/** The same folder once it is whole. */
const STAGED = ".finished";

/** True if a folder holds a finished run. Its results are written with the rest of its files, or not at all. */
export function isFinished(directory: string): boolean {
  const names = new Set([...Deno.readDirSync(directory)].map(({ name }) => name));
  return names.has("all_results.json") && names.has("run.yaml") &&
    [...names].some((name) => /\.safetensors$/.test(name));
}

/** Moves the files of {@linkcode STAGING} into the folder. */
export function publishStaged(directory: string): void {
  Deno.renameSync(join(directory, STAGING), join(directory, STAGED));
  moveStaged(directory);
}

/** Finishes a publication that was cut off, and removes files that were never whole. */
export function sweepStaged(directory: string): void {
  remove(join(directory, STAGING));
  moveStaged(directory);
}

function moveStaged(directory: string): void {
  const staged = join(directory, STAGED);
  let names: string[];
  try {
    names = [...Deno.readDirSync(staged)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  // The results last: with them the run counts as finished.
  names.sort((a, b) => Number(a === "all_results.json") - Number(b === "all_results.json"));
  for (const name of names) Deno.renameSync(join(staged, name), join(directory, name));
  Deno.removeSync(staged);
}
