/**
 * A folder that is made before it is known whether anything will come into it: a run that is refused leaves none behind.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { exists } from "./exists.ts";
 * import { provisionalFolder } from "./provisional_folder.ts";
 *
 * const directory = Deno.makeTempDirSync();
 * {
 *   using _out = provisionalFolder(`${directory}/out`);
 *   assert(exists(`${directory}/out`));
 * }
 * assert(!exists(`${directory}/out`));
 * Deno.removeSync(directory);
 * ```
 * @module
 */
import { dirname, resolve } from "@std/path";

import { makeFolder } from "./atomic.ts";
import { exists } from "./exists.ts";

/**
 * Makes a folder and those above it. Disposed, it takes away those that it made and that are empty still.
 * @param key That names it, such as `out_dir`, for the error
 * @throws {Error} If it can't be made; names the folder that may not be written to, and the key
 */
export function provisionalFolder(path: string, key?: string): Disposable {
  const missing = missingFolders(path);
  makeFolder(path, key);
  return {
    [Symbol.dispose]() {
      try {
        for (const folder of missing) Deno.removeSync(folder);
      } catch { /* something lies in it, or a door keeps this out of the folders above: they stay */ }
    },
  };
}

/** The folder and those above it that aren't there, from within outwards. */
function missingFolders(path: string): string[] {
  const folders: string[] = [];
  try {
    for (let folder = resolve(path); !exists(folder); folder = dirname(folder)) folders.push(folder);
  } catch { /* what may not be looked into is there */ }
  return folders;
}
