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

/** `str.strip(character)`, or only one side of it. */
export function stripCharacter(
  text: string,
  character: string,
  side: "left" | "right" | "both" = "both",
): string {
  let [start, end] = [0, text.length];
  if (side !== "right") { while (start < end && text[start] === character) start++; }
  if (side !== "left") { while (end > start && text[end - 1] === character) end--; }
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

/** Python's `text.rstrip(set)`: without the characters of `set` at its end; by hand, because `/[…]+$/` takes quadratic time on runs in the middle. */
export function trimEndOf(text: string, set: string): string {
  let end = text.length;
  while (end > 0 && set.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
