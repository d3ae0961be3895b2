/**
 * Python's `float` of a text, with which the released code reads scores: blanks around it, the decimal digits of every script
 * (full-width ones among them), underscores between digits, exponents.
 * @module
 */
import { asciiDigits } from "../../../formats/python_text.ts";

const DIGITS = String.raw`\d+(?:_\d+)*`;
const NUMBER = new RegExp(`^[+-]?(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, "i");
/** `float` takes fewer signs for blanks than `str.strip`: not U+001C to U+001F. */
const BLANK = String.raw`[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const AROUND = new RegExp(`^${BLANK}+|(?<!${BLANK})${BLANK}+$`, "g");
const NAMED = /^[+-]?(?:inf(?:inity)?|nan)$/i;

/** The number, infinite or NaN too; undefined where Python raises a ValueError. Linear in the text. */
export function pythonFloat(text: string): number | undefined {
  const plain = asciiDigits(text.replace(AROUND, ""));
  if (NAMED.test(plain)) return /nan/i.test(plain) ? NaN : plain.startsWith("-") ? -Infinity : Infinity;
  return NUMBER.test(plain) ? Number(plain.replaceAll("_", "")) : undefined;
}
