/**
 * The place of a folder that a task writes, looked at before it is made: for dry runs.
 * @module
 */
import { dirname, resolve } from "@std/path";

import { statOrNull } from "../../../formats/exists.ts";

/**
 * Looks at a folder that need not be there, and makes nothing.
 * @param key That names it, for the message
 * @returns The folder, or the nearest one above it that is there; absolute
 * @throws {RangeError} If a file or a device stands in its place or on the way to it
 */
export function checkFolderPlace(directory: string, key: string): string {
  let held = resolve(directory);
  while (statOrNull(held) === null && dirname(held) !== held) held = dirname(held);
  const there = statOrNull(held);
  if (there?.isDirectory !== false) return held;
  throw new RangeError(
    `Cannot write to ${directory} as a folder is needed: ${held} is ${
      there.isFile ? "a file" : "a device"
    }. Choose another ${key}`,
  );
}
