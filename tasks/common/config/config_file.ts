/**
 * Plugins that a configuration names.
 * @module
 */
import { isAbsolute, resolve } from "@std/path";

import { builtinRegistry } from "../../../plugins/builtins.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import { isSpecifier } from "../../../plugins/kinds/plugin_module.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { printError } from "../cli/print.ts";
import { ProjectLock } from "./project_lock.ts";

/**
 * A path of `plugins` as {@linkcode Registry.load} takes it: specifiers (`npm:`, `https:`, ...) stay, paths become absolute.
 * @param folder Of the file that names it, or the working folder for an argument
 */
export function pluginPath(path: string, folder: string): string {
  return isAbsolute(path) || isSpecifier(path) ? path : resolve(folder, path);
}

/**
 * The built-in plugins and those that a configuration names.
 * @param paths As {@linkcode pluginPath} gives them
 * @param place Of the key `plugins`
 */
export async function registryOf(paths: readonly string[], place: string): Promise<Registry> {
  const registry = builtinRegistry();
  await loadPlugins(registry, paths, place);
  return registry;
}

/** Milliseconds after which a module that is still being loaded is told. */
const LONG = 10_000;

/**
 * Loads the modules that the registry doesn't hold yet.
 * @param options `say`: told of a module that takes longer than `long` milliseconds (> 0; default 10,000)
 */
export async function loadPlugins(
  registry: Registry,
  paths: readonly string[],
  place: string,
  { say = printError, long = LONG }: { say?: (line: string) => void; long?: number } = {},
): Promise<void> {
  const loaded = registry.sources();
  const lock = new ProjectLock();
  try {
    for (const path of paths) {
      if (!loaded.has(path)) {
        // the module's record holds such a promise, so that nothing can tell that it will never be settled
        const late = setTimeout(() =>
          say(
            `note: ${path} is still being loaded after ${
              long / 1000
            } s: it, or what it imports, waits or computes outside of create(), where nothing should happen (docs/plugins.md). Ctrl-C twice ends this`,
          ), long);
        try {
          await placed(place, () => registry.load(path));
        } finally {
          clearTimeout(late);
        }
      }
      loaded.add(path);
    }
  } finally {
    lock.restore();
  }
}
