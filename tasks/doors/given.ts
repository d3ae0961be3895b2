/**
 * Paths that a command line names, read before anything is checked: what can't be read is no path, and the task says why.
 * @module
 */
import { readYaml } from "../../formats/yaml/yaml.ts";
import { readOverride } from "../common/config/override.ts";

/** Texts that a command line has. */
export interface GivenTexts {
  /** Texts that keys have, in the file or behind it, whichever wins; dots lead further in. */
  of(...keys: string[]): string[];
  /** Words without a key: files and folders. */
  words: readonly string[];
  /** Values of `--name VALUE` and `--name=VALUE`. */
  flag(name: string): string[];
}

/**
 * Reads a command line of a task with a configuration file.
 * @param fallback The file when none is named; null: none
 * @param top The key under which the file has its keys; null: they are at the top
 */
export function givenTexts(
  args: readonly string[],
  fallback: string | null,
  top: string | null = null,
): GivenTexts {
  const isOverride = (arg: string) => /^[A-Za-z_][\w.-]*=/.test(arg);
  const words = args.filter((arg) => !arg.startsWith("-") && !isOverride(arg));
  const maps = [
    ...words.map(mapOf),
    ...words.some((word) => mapOf(word) !== null) || fallback === null ? [] : [mapOf(fallback)],
  ].map((map) => top === null ? map : asMap(map?.[top]));
  const overrides = args.filter(isOverride).flatMap(overrideOf);
  return {
    words,
    of: (...keys) =>
      keys.flatMap((key) => [
        ...maps.map((map) => inner(map, key)),
        ...overrides.map((override) =>
          override.key === key ? override.value : inner({ [override.key]: override.value }, key)
        ),
      ]).filter((value): value is string => typeof value === "string" && value !== ""),
    flag: (name) =>
      args.flatMap((arg, i) =>
        arg.startsWith(`--${name}=`)
          ? [arg.slice(name.length + 3)]
          : arg === `--${name}`
          ? args.slice(i + 1, i + 2)
          : []
      ),
  };
}

/** The value that dots lead to. */
function inner(map: Record<string, unknown> | null, key: string): unknown {
  return key.split(".").reduce<unknown>((value, step) => asMap(value)?.[step], map);
}

function mapOf(path: string): Record<string, unknown> | null {
  try {
    return asMap(readYaml(path).value);
  } catch {
    return null;
  }
}

function asMap(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : null;
}

function overrideOf(argument: string): { key: string; value: unknown }[] {
  try {
    return [readOverride(argument, "")];
  } catch {
    return [];
  }
}
