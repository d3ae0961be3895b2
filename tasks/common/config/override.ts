/**
 * Arguments `key=value` of all tasks.
 * @module
 */
import { lastOf } from "../../../formats/elements.ts";
import { shortened, shown } from "../../../formats/message.ts";
import { redactArgument, redactValue } from "../../../formats/secrets.ts";
import { parseYamlValue } from "../../../formats/yaml/yaml.ts";

/** An argument `key=value`. */
export interface Override {
  /** In front of the first `=`; may have dots. */
  key: string;
  /** Typed as YAML types it. */
  value: unknown;
  /** As written. */
  text: string;
  /** True if a text stands without quotes. */
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
  const plain = !/^\s*["']/.test(text), parsed = parseYamlValue(text, place);
  const value = plain && isCut(text, parsed) ? text.trim() : parsed;
  return { key, value, text, plain, place };
}

/** The argument that gives a key this text: in quotes where YAML would make something else of it, such as a number. */
export function textOverride(key: string, text: string): string {
  const plain = `${key}=${text}`;
  try {
    if (readOverride(plain, "").value === text) return plain;
  } catch { /* not YAML as it stands */ }
  return `${key}=${JSON.stringify(text)}`;
}

/** True if YAML takes a part of a text for a comment, a tag or an anchor: an argument has none, but a folder's name may look so. */
function isCut(text: string, parsed: unknown): boolean {
  if (typeof parsed === "object" && parsed !== null) return false;
  return /(^|\s)#/.test(text) || /^\s*[!&]/.test(text);
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
