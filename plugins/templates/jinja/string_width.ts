/**
 * Texts filled up to a width, as by methods of Python's `str`.
 * @module
 */
import { indexOf, textOf } from "./arguments.ts";
import { codePointsOf } from "./string_search.ts";
import { fits } from "./operators.ts";
import { type JinjaValue, TemplateError } from "./values.ts";

/** Text filled up to a width. @throws {TemplateError} If `fill` isn't one character */
export function pad(
  text: string,
  width: JinjaValue | undefined,
  fill: JinjaValue | undefined,
  side: "left" | "right" | "center",
): string {
  const char = fill === undefined ? " " : textOf(fill, side);
  if ([...char].length !== 1) {
    throw new TemplateError("the fill character must be exactly one character long");
  }
  const total = indexOf(width, side);
  const missing = Math.max(0, total - codePointsOf(text).length);
  fits({ length: missing });
  if (side === "left") return text + char.repeat(missing);
  if (side === "right") return char.repeat(missing) + text;
  // as CPython: the odd space goes to the left where the width is odd
  const left = Math.floor(missing / 2) + (missing & total & 1);
  return char.repeat(left) + text + char.repeat(missing - left);
}

/** Tabs as spaces, up to the next multiple of `size` columns of a line; no column at `size` <= 0. */
export function expandTabs(text: string, size: number): string {
  let column = 0, out = "";
  for (const char of text) {
    if (char === "\t") {
      const count = size > 0 ? size - (column % size) : 0;
      out += " ".repeat(count);
      column += count;
      fits(out);
    } else {
      out += char;
      column = char === "\n" || char === "\r" ? 0 : column + 1;
    }
  }
  return out;
}
