/**
 * Paths inside of folders.
 * @module
 */
import { isAbsolute, relative } from "@std/path";

/**
 * True of a folder itself and of what lies in it, at any depth, by the paths alone.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isWithin } from "./is_within.ts";
 *
 * assertEquals(isWithin("saves/run/checkpoint-5", "saves/run"), true);
 * assertEquals(isWithin("saves/other/checkpoint-5", "saves/run"), false);
 * ```
 */
export function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return !/^\.\.(?:[/\\]|$)/.test(way) && !isAbsolute(way);
}
