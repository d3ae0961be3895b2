/**
 * Python's `float` of a text, with which the released code reads scores: blanks around it, the decimal digits of every script
 * (full-width ones among them), underscores between digits, exponents.
 * @module
 */
import { strip } from "../../../formats/python_text.ts";

const DIGITS = String.raw`\d+(?:_\d+)*`;
const NUMBER = new RegExp(`^[+-]?(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, "i");
const NAMED = /^[+-]?(?:inf(?:inity)?|nan)$/i;

/** The number, infinite or NaN too; undefined where Python raises a ValueError. Linear in the text. */
export function pythonFloat(text: string): number | undefined {
  const plain = strip(text).replace(/\p{Nd}/gu, digitOf);
  if (NAMED.test(plain)) return /nan/i.test(plain) ? NaN : plain.startsWith("-") ? -Infinity : Infinity;
  return NUMBER.test(plain) ? Number(plain.replaceAll("_", "")) : undefined;
}

/** Decimal digits of a script are ten characters in a row, and such rows stand side by side. */
function digitOf(digit: string): string {
  let below = digit.codePointAt(0) ?? 0;
  const code = below;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(below - 1))) below--;
  return String((code - below) % 10);
}
