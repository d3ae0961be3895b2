/**
 * Values as parts of messages: on one line, short for any file.
 * @module
 */

/** Longest message that a person is shown, in characters. */
export const MAX_MESSAGE = 2000;

/**
 * A value as JSON ("missing" for undefined), cut to `limit` characters (default 80, > 0).
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { shown } from "./message.ts";
 *
 * assertEquals(shown("w"), '"w"');
 * assertEquals(shown([1, 2]), "[1, 2]");
 * assertEquals(shown("a".repeat(100), 8), '"aaaaaaa… (102 characters)');
 * assertEquals(shown(undefined), "missing");
 * ```
 */
export function shown(value: unknown, limit = 80): string {
  const text = value === undefined ? "missing" : compact(value, limit);
  return text.length <= limit ? text : `${cut(text, limit)}… (${lengthOf(value, text)})`;
}

/**
 * A text as it is, cut to `limit` characters (default 200, > 0).
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { shortened } from "./message.ts";
 *
 * assertEquals(shortened("out_dir=x"), "out_dir=x");
 * assertEquals(shortened("abcdef", 3), "abc…");
 * ```
 */
export function shortened(text: string, limit = 200): string {
  return text.length <= limit ? text : `${cut(text, limit)}…`;
}

/**
 * A message of at most {@linkcode MAX_MESSAGE} characters: whole lines where there are several, and how many are left out.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bounded } from "./message.ts";
 *
 * assertEquals(bounded("short"), "short");
 * assertEquals(bounded("a\n".repeat(3000)).endsWith("more lines"), true);
 * ```
 */
export function bounded(message: string, limit: number = MAX_MESSAGE): string {
  if (message.length <= limit) return message;
  const room = limit - 60;
  const start = cut(message, room);
  const lineEnd = start.lastIndexOf("\n");
  if (lineEnd < room / 2) return `${start}… (${message.length - start.length} more characters)`;
  const left = message.slice(lineEnd + 1).trimEnd().split("\n").length;
  return `${message.slice(0, lineEnd)}\n… and ${left} more lines`;
}

/** JSON with spaces behind commas; stops where the room is used up, as a value may be huge, deep or hold itself. */
function compact(value: unknown, room: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > room ? cut(value, room) : value);
  if (typeof value !== "object" || value === null) return String(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  let text = open!;
  for (const key in value) {
    if (text.length > room) return text;
    if (text.length > 1) text += ", ";
    if (open === "{") text += `${JSON.stringify(cut(key, room))}: `;
    text += compact((value as Record<string, unknown>)[key], room - text.length);
  }
  return text + close;
}

function lengthOf(value: unknown, text: string): string {
  if (Array.isArray(value)) return value.length === 1 ? "1 item" : `${value.length} items`;
  return typeof value === "string" ? `${value.length + 2} characters` : `${text.length} characters and more`;
}

/** Never ends in half of a surrogate pair. */
function cut(text: string, length: number): string {
  const end = text.slice(0, length);
  return end.isWellFormed() ? end : end.slice(0, -1);
}
