/**
 * Texts taken apart and put together again, as by methods of Python's `str`.
 * @module
 */
import { SPACE } from "../../../formats/python_text.ts";
import { fits, markup } from "./operators.ts";
import { asText, iterate, type JinjaValue, Markup, TemplateError, Tuple, typeName } from "./values.ts";

const WORD = new RegExp(`[^${SPACE}]+`, "gu");

/**
 * Parts of a text.
 * @param separator null: white space, and no empty parts.
 * @param limit Cuts at most; below 0: all.
 * @throws {TemplateError} If the separator is ""
 */
export function split(text: string, separator: string | null, limit: number): string[] {
  const parts: string[] = [];
  if (separator === "") throw new TemplateError("empty separator");
  if (separator !== null) {
    const all = text.split(separator);
    return limit < 0 || all.length <= limit + 1
      ? all
      : [...all.slice(0, limit), all.slice(limit).join(separator)];
  }
  for (const word of text.matchAll(WORD)) {
    if (limit >= 0 && parts.length === limit) {
      parts.push(text.slice(word.index));
      break;
    }
    parts.push(word[0]);
  }
  return parts;
}

const LINE_END = "\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]";

/** Lines of a text, by all of Python's line ends. */
export function splitLines(text: string, keepEnds: boolean): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const end of text.matchAll(new RegExp(LINE_END, "gu"))) {
    lines.push(text.slice(from, end.index + (keepEnds ? end[0].length : 0)));
    from = end.index + end[0].length;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

/** At most `count` replacements; below 0: all. */
export function replace(text: string, old: string, by: string, count: number): string {
  if (old === by || count === 0) return text;
  let parts: string[];
  if (old === "") {
    const points = [...text];
    parts = ["", ...points, ""];
    if (count >= 0 && count < parts.length - 1) {
      parts = [...parts.slice(0, count), parts.slice(count).join("")];
    }
  } else parts = split(text, old, count);
  fits({ length: text.length + (parts.length - 1) * by.length });
  return parts.join(by);
}

/**
 * Items of `iterable` with `text` between them.
 * @param self The text as it was given: a Markup one escapes the items.
 * @throws {TemplateError} If an item of a text that isn't Markup is no text
 */
export function join(text: string, iterable: JinjaValue, self: string | Markup): string {
  const items = iterate(iterable).map((value, i) => {
    if (self instanceof Markup) return markup(value);
    const part = asText(value);
    if (part !== undefined) return part;
    throw new TemplateError(`sequence item ${i}: expected str instance, ${typeName(value)} found`);
  });
  fits({ length: items.reduce((sum, part) => sum + part.length + text.length, 0) });
  return items.join(text);
}

/**
 * The text before a separator, the separator, the text behind it.
 * @throws {TemplateError} If the separator is ""
 */
export function partition(text: string, separator: string, by: "indexOf" | "lastIndexOf"): Tuple {
  if (separator === "") throw new TemplateError("empty separator");
  const place = text[by](separator);
  if (place < 0) return new Tuple(by === "indexOf" ? [text, "", ""] : ["", "", text]);
  return new Tuple([text.slice(0, place), separator, text.slice(place + separator.length)]);
}
