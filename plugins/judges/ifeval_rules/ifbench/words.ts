/**
 * How the checks of IFBench see letters and words, as Python's `str` has them.
 * @module
 */
import {
  firstOf,
  isLower,
  isUpper,
  PUNCTUATION,
  splitSpaces,
  stripEnds,
} from "../../../../formats/python_text.ts";
import type { PunktModel } from "../punkt.ts";
import { pythonRegExp } from "../python_regexp.ts";
import { wordTokens } from "../word_tokens.ts";

const MARKS = /[!-/:-@[-`{-~]/g;
/** Punctuation and the blank, which are taken from the ends of words. */
const ENDS = PUNCTUATION + " ";
const ALPHANUMERIC = /[\p{L}\p{N}]/u;

/** `\w+` of Python's `re`. */
export const WORD_RUNS: RegExp = pythonRegExp(String.raw`\w+`, "g");
/** `\d+` of Python's `re`. */
export const DIGIT_RUNS: RegExp = pythonRegExp(String.raw`\d+`, "g");

/** The text without ASCII punctuation, wherever it stands. */
export function withoutMarks(text: string): string {
  return text.replace(MARKS, "");
}

/** The text without ASCII punctuation and blanks at its ends. */
export function bare(text: string, side?: "left" | "right"): string {
  return stripEnds(text, ENDS, side);
}

/** Words between white space, in lower case and without punctuation. */
export function plainWords(text: string): string[] {
  return splitSpaces(withoutMarks(text.toLowerCase()));
}

/** NLTK's tokens that have a letter or a number. */
export function spokenTokens(text: string, punkt: PunktModel): string[] {
  return wordTokens(text, punkt).filter((token) => ALPHANUMERIC.test(token));
}

/** True for a word that begins in lower case and doesn't go on in both cases: what title case has none of. */
export function isUntitled(word: string): boolean {
  const first = firstOf(word), rest = word.slice(first.length);
  if (!/^\p{L}$/u.test(first) || !isLower(first)) return false;
  return rest === "" || isLower(rest) || isUpper(rest);
}

/** NFKD without what isn't ASCII: `São` is `Sao`. */
export function asciiOf(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.normalize("NFKD").replace(/[^\x00-\x7f]/g, "");
}
