/**
 * Letter case as Python's `str` has it.
 * @module
 */

/** First character upper, the others lower. */
export function capitalize(text: string): string {
  const [first = "", ...others] = text;
  return titleCase(first) + others.join("").toLowerCase();
}

/** A character at the start of a word: "ß" becomes "Ss". */
function titleCase(char: string): string {
  const upper = char.toUpperCase();
  // letters of two characters that have a form of their own at the start of a word
  const index = ["Ǆ", "Ǉ", "Ǌ", "Ǳ"].indexOf(upper);
  if (index >= 0) return ["ǅ", "ǈ", "ǋ", "ǲ"][index]!;
  return upper.length > char.length ? upper[0] + upper.slice(1).toLowerCase() : upper;
}

/** Each word's first character upper, its others lower. */
export function title(text: string): string {
  return text.replace(/[\p{Cased}]+/gu, capitalize);
}
