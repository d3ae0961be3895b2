/**
 * Plugins that a configuration names.
 * @module
 */
import { isAbsolute, resolve } from "@std/path";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { placed } from "../../plugins/kinds/place.ts";
import { isSpecifier, type Registry } from "../../plugins/registry.ts";
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

/** Loads the modules that the registry doesn't hold yet. */
export async function loadPlugins(
  registry: Registry,
  paths: readonly string[],
  place: string,
): Promise<void> {
  const loaded = new Set(registry.list().map(({ source }) => source));
  const lock = new ProjectLock();
  try {
    for (const path of paths) {
      if (!loaded.has(path)) await placed(place, () => registry.load(path));
      loaded.add(path);
    }
  } finally {
    lock.restore();
  }
}
