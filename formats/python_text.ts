/**
 * Python's string methods where JavaScript's differ: white space (`str.isspace` holds U+001C to U+001F and U+0085 but
 * not U+FEFF) and case tests.
 * @module
 */

/** White space of Python's `str`, as the inside of a character class. */
export const SPACE: string = String
  .raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

/** Word characters of Python's `re`, as the inside of a character class: combining marks aren't among them. */
export const WORD: string = String.raw`\p{L}\p{N}_`;

/** `string.punctuation`. */
export const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/** Digits of `str.isdigit`: decimal ones, and those in superscript, circles and scripts without a zero. */
const DIGITS =
  /^[\p{Nd}\u{b2}\u{b3}\u{b9}\u{1369}-\u{1371}\u{19da}\u{2070}\u{2074}-\u{2079}\u{2080}-\u{2089}\u{2460}-\u{2468}\u{2474}-\u{247c}\u{2488}-\u{2490}\u{24ea}\u{24f5}-\u{24fd}\u{24ff}\u{2776}-\u{277e}\u{2780}-\u{2788}\u{278a}-\u{2792}\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u;

const LEADING = new RegExp(`^[${SPACE}]+`, "u");
const IS_SPACE = new RegExp(`[${SPACE}]`, "u");
const SPACES = new RegExp(`[${SPACE}]+`, "u");
const LOWER_OR_TITLE = /[\p{Lowercase}\p{Lt}]/u;
const UPPER_OR_TITLE = /[\p{Uppercase}\p{Lt}]/u;

/** `str.strip()`. */
export function strip(text: string): string {
  let end = text.length; // Backwards by hand: /\s+$/ takes quadratic time on long runs of spaces.
  while (end > 0 && IS_SPACE.test(text[end - 1]!)) end--;
  return text.slice(0, end).replace(LEADING, "");
}

/** `str.strip(characters)`, or only one side of it; by hand, because `/[…]+$/` takes quadratic time on runs in the middle. */
export function stripEnds(
  text: string,
  characters: string,
  side: "left" | "right" | "both" = "both",
): string {
  let [start, end] = [0, text.length];
  if (side !== "right") { while (start < end && characters.includes(text.charAt(start))) start++; }
  if (side !== "left") { while (end > start && characters.includes(text.charAt(end - 1))) end--; }
  return text.slice(start, end);
}

/** `str.split()`. */
export function splitSpaces(text: string): string[] {
  return text.split(SPACES).filter((part) => part !== "");
}

/** `str.isupper()`: a cased character, and none that is lower or title case. */
export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !LOWER_OR_TITLE.test(text);
}

/** `str.islower()`: a cased character, and none that is upper or title case. */
export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !UPPER_OR_TITLE.test(text);
}

/** True for a text of digits only, as `str.isdigit`. */
export function isDigits(text: string): boolean {
  return DIGITS.test(text);
}

/** First character, by code points; empty of an empty text. */
export function firstOf(text: string): string {
  const code = text.codePointAt(0);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** Number of code points, as `len` counts. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** True if `json.loads` accepts the text: JSON, and NaN, Infinity and -Infinity. */
export function isPythonJson(text: string): boolean {
  try {
    JSON.parse(withoutNotNumbers(text, "0"));
    return true;
  } catch {
    return false;
  }
}

/** Python's JSON with NaN, Infinity and -Infinity replaced. */
export function withoutNotNumbers(text: string, by: string): string {
  // a string without an end is taken whole, so that its quotes aren't tried one by one
  return text.replace(
    /"(?:[^"\\]|\\.)*"?|-?Infinity|NaN/gs,
    (part) => part[0] === '"' ? part : ` ${by} `,
  );
}

/** The text with decimal digits of every script as ASCII ones, as `int` and `float` read them. */
export function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, digitOf);
}

/** Decimal digits of a script are ten characters in a row, and such rows stand side by side. */
function digitOf(digit: string): string {
  let below = digit.codePointAt(0) ?? 0;
  const code = below;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(below - 1))) below--;
  return String((code - below) % 10);
}
