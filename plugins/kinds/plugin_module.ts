/**
 * Modules of plugins that aren't built in.
 * @module
 */
import { join, resolve } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { enter, leave } from "./checked/calls.ts";
import type { Plugin } from "./plugin.ts";
import { thrownWords, withLine } from "./plugin_fault.ts";
import { sourceHash } from "./source_hash.ts";

/** True if a module is named by a specifier (`file:`, `npm:`, `jsr:`, `https:`) and not by a path (`C:\\x.ts` is one). */
export function isSpecifier(path: string): boolean {
  return /^[a-z]{2,}:/.test(path);
}

/**
 * What a module's default export holds: a plugin or a list of them.
 * @param path Absolute, relative to `base`, or a specifier
 * @returns The plugins, not yet looked at, and the hash of the source; undefined for a package's
 * @throws {TypeError} If the module can't be loaded or its default export is missing or an empty list
 */
export async function pluginsOfModule(
  path: string,
  base: string,
): Promise<{ plugins: Plugin[]; hash: string | undefined }> {
  const specifier = isSpecifier(path) ? path : pathToFileURL(resolve(join(base, "."), path)).href;
  let module: { default?: unknown };
  let hash: string | undefined;
  try {
    hash = await hashAtImport(specifier);
    enter(path);
    try {
      module = await import(specifier);
    } finally {
      leave();
    }
  } catch (error) {
    throw new TypeError(
      `Cannot load plugins from ${withLine(path, error)}: ${thrownWords(error)}`,
      { cause: error },
    );
  }
  const plugins = (Array.isArray(module.default) ? module.default : [module.default]) as Plugin[];
  if (module.default === undefined || plugins.length === 0) {
    throw new TypeError(
      `Cannot load plugins from ${path} as its default export must be a plugin or a list of them: ` +
        `current value is ${module.default === undefined ? "missing" : "an empty list"}; ` +
        "write `export default definePlugin({...})`",
    );
  }
  return { plugins, hash };
}

/** A module is evaluated once a process, with the text that it has then: its hash has to be of that text too. */
const hashes = new Map<string, Promise<string>>();

function hashAtImport(specifier: string): Promise<string> | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const known = hashes.get(specifier);
  if (known) return known;
  const hash = sourceHash(fileURLToPath(specifier));
  hashes.set(specifier, hash);
  // what couldn't be read may be there the next time
  hash.catch(() => hashes.delete(specifier));
  return hash;
}
