/**
 * Common parts of all tasks' configuration files: `key=value` arguments over them, and plugins that they load.
 * @module
 */
import { isAbsolute, resolve } from "@std/path";

import { lastOf } from "../../formats/elements.ts";
import { shortened, shown } from "../../formats/message.ts";
import { redactArgument, redactValue } from "../../formats/secrets.ts";
import { parseYamlValue } from "../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { placed } from "../../plugins/kinds/place.ts";
import { isSpecifier, type Registry } from "../../plugins/registry.ts";

/** An argument `key=value`. */
export interface Override {
  /** In front of the first `=`; may have dots. */
  key: string;
  /** Typed as YAML types it. */
  value: unknown;
  /** As written. */
  text: string;
  /** Whether a text stands without quotes. */
  plain: boolean;
  /** For messages; without secrets. */
  place: string;
}

/**
 * Reads an argument.
 * @param example An argument of the same task, for the message
 * @throws {RangeError} If it isn't `key=value`
 * @throws {SyntaxError} If the value isn't YAML
 */
export function readOverride(argument: string, example: string): Override {
  const equals = argument.indexOf("=");
  const key = argument.slice(0, Math.max(equals, 0)).replace(/^--/, "");
  if (key === "" || key.split(".").includes("")) {
    throw new RangeError(
      `Cannot read the argument ${
        shown(redactArgument(argument))
      } as key=value is needed, such as ${example}`,
    );
  }
  const text = argument.slice(equals + 1);
  const place = `the argument ${shortened(redactArgument(argument))}`;
  return { key, value: parseYamlValue(text, place), text, plain: !/^\s*["']/.test(text), place };
}

/**
 * Puts the value of an argument such as `loss_options.beta=1` into a map; maps on the way that aren't there are made.
 * @throws {RangeError} If something on the way isn't a map
 */
export function setNested(
  map: Record<string, unknown>,
  { key, place }: Pick<Override, "key" | "place">,
  value: unknown,
): void {
  const steps = key.split(".");
  let inner = map;
  for (const [i, step] of steps.slice(0, -1).entries()) {
    if (!Object.hasOwn(inner, step) || inner[step] === null) define(inner, step, {});
    const next = inner[step];
    if (typeof next !== "object" || next === null || Array.isArray(next)) {
      const name = steps.slice(0, i + 1).join(".");
      throw new RangeError(
        `Cannot use ${place} as ${name} isn't a map: current value is ${shown(redactValue(next, step))}`,
      );
    }
    inner = next as Record<string, unknown>;
  }
  define(inner, lastOf(steps), value);
}

/** Sets a key that may be called `__proto__`. */
function define(map: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}

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
  for (const path of paths) {
    if (!loaded.has(path)) await placed(place, () => registry.load(path));
    loaded.add(path);
  }
}
