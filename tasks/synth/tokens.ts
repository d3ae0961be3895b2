/**
 * Texts as tokens to compare them by, whatever their case and punctuation.
 * @module
 */

const TOKEN =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]|[[\p{L}\p{M}\p{N}]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]]+/gv;

/** Lower-case words and numbers; a Chinese, Japanese or Korean character is a token of its own. */
export function tokensOf(text: string): string[] {
  return text.normalize("NFKC").toLowerCase().match(TOKEN) ?? [];
}

/** Runs of `n` tokens, each as a text; a text of fewer tokens is one run. */
export function runsOf(tokens: readonly string[], n: number): string[] {
  if (tokens.length === 0) return [];
  if (tokens.length < n) return [tokens.join(" ")];
  return Array.from({ length: tokens.length - n + 1 }, (_, i) => tokens.slice(i, i + n).join(" "));
}
