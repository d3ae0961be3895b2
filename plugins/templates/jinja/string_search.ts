/**
 * Places and ends of a text by code points, as methods of Python's `str` find them.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { SPACE } from "../../../formats/python_text.ts";
import { indexOf, textOf } from "./arguments.ts";
import { type JinjaValue, TemplateError, Tuple } from "./values.ts";

const SURROGATE = /[\ud800-\udfff]/;

/** Code points of a text, or the text itself where its units are the same. */
export function codePointsOf(text: string): string | string[] {
  return SURROGATE.test(text) ? [...text] : text;
}

/**
 * Text without characters at its ends.
 * @param chars null or undefined: white space.
 */
export function stripCharacters(
  text: string,
  chars: JinjaValue | undefined,
  atStart: boolean,
  atEnd: boolean,
): string {
  const set = chars == null ? null : new Set(textOf(chars, "strip"));
  const points = codePointsOf(text);
  const isOut = (char: string) => set === null ? WHITE.test(char) : set.has(char);
  let [from, to] = [0, points.length];
  while (atStart && from < to && isOut(item(points, from))) from++;
  while (atEnd && to > from && isOut(item(points, to - 1))) to--;
  return typeof points === "string" ? points.slice(from, to) : points.slice(from, to).join("");
}

const WHITE = new RegExp(`[${SPACE}]`, "u");

/** Code points between two positions, and the position of the first. */
export function windowOf(
  text: string,
  start: JinjaValue | undefined,
  end: JinjaValue | undefined,
): [string[], number] {
  const points = [...text];
  const place = (value: JinjaValue | undefined, otherwise: number) => {
    if (value === undefined || value === null) return otherwise;
    const index = indexOf(value, "slice");
    return Math.max(0, index < 0 ? index + points.length : index);
  };
  const from = place(start, 0);
  return [points.slice(from, place(end, points.length)), from];
}

/** Place of the first or last `sub` between `start` and `end`; -1 where there is none. */
export function find(
  text: string,
  { sub, start, end }: Record<string, JinjaValue | undefined>,
  by: "indexOf" | "lastIndexOf",
): number {
  const [within, from] = windowOf(text, start, end);
  const joined = within.join("");
  const place = joined[by](textOf(sub, "find"));
  return place < 0 ? -1 : from + [...joined.slice(0, place)].length;
}

/** @throws {TemplateError} If there was none. */
export function found(place: number): bigint {
  if (place < 0) throw new TemplateError("substring not found");
  return BigInt(place);
}

/** Beginnings or ends to look for: a text, or a tuple of texts. */
export function affixes(value: JinjaValue, name: string): string[] {
  if (value instanceof Tuple) return value.items.map((part) => textOf(part, name));
  return [textOf(value, name)];
}
