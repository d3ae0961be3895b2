/**
 * The door of `deno task train`: it writes to its output folder and the caches.
 * @module
 */
import { DEFAULT_TRAINING } from "../common/config/default_files.ts";
import { freeName } from "../train/repeated.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

/** Where a folder can't be looked at, the task says so. */
function beside(output: string): string[] {
  try {
    return [freeName(output)];
  } catch {
    return [];
  }
}

const given = givenTexts(Deno.args, DEFAULT_TRAINING);
const outputs = given.of("output_dir");
openDoor(new URL("../train.ts", import.meta.url), [
  ...outputs,
  // a finished run.yaml is repeated beside its run
  ...outputs.flatMap(beside),
  ...given.of("logging_dir", "cache_dir", "data_cache_dir"),
  ...cacheFolders(),
]);
