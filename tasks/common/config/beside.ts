/**
 * Paths that a configuration file reads from: beside the file first, then in the working folder, where LLaMA-Factory's files
 * have them. What is written goes into the working folder.
 * @module
 */
import { dirname, isAbsolute, resolve } from "@std/path";

import { exists } from "../../../formats/exists.ts";

/**
 * A path of a file as a task opens it: absolute where something lies there beside the file; else as written, so that it
 * starts at the working folder, or is an id on the hub.
 * @param file The file that has it; undefined for an argument, which starts at the working folder
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { besideFile } from "./beside.ts";
 *
 * assertEquals(besideFile("owner/name", "/somewhere/train.yaml"), "owner/name");
 * ```
 */
export function besideFile(path: string, file: string | undefined): string {
  if (file === undefined || path === "" || isAbsolute(path)) return path;
  const beside = resolve(dirname(file), path);
  return beside !== resolve(path) && exists(beside) ? beside : path;
}
