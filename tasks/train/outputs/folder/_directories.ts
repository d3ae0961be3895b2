/**
 * Output folders as runs leave them.
 * @module
 */
import { join } from "@std/path";

import { OutputDirectory } from "./directory.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

/** A new directory with files (text) and folders (ending in a slash). */
export function directoryWith(...names: string[]): string {
  const directory = temporaryFolder();
  for (const name of names) {
    if (name.endsWith("/")) Deno.mkdirSync(join(directory, name), { recursive: true });
    else Deno.writeTextFileSync(join(directory, name), name);
  }
  return directory;
}

export const namesIn = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();

/** Checkpoint and removed files of a run that begins in a folder. The lock is given back. */
export function beginDirectory(
  output_dir: string,
  overwrite_output_dir = false,
  resume_from_checkpoint: boolean | string | null = null,
  inputs: string[] = [],
) {
  using output = new OutputDirectory({ output_dir, overwrite_output_dir, resume_from_checkpoint, inputs });
  const { resumeFrom, isFinished } = output;
  return { resumeFrom, isFinished, removed: output.begin() };
}

/** Files of a finished run in a folder. */
export const WRITTEN_AT_END = [
  "README.md",
  "adapter_config.json",
  "adapter_model.safetensors",
  "all_results.json",
  "tokenizer.json",
];
