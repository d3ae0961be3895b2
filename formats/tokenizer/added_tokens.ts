/**
 * Added tokens: found in a text before it is normalised (or after, for those marked `normalized`), leftmost and longest first.
 * Same rules as the tokenizers library.
 * @module
 */
import { valueOf } from "../elements.ts";
import { escapePattern, RUST_WORD } from "./patterns.ts";
import type { AddedToken } from "./tokenizer_json.ts";

// without $, before which V8 passes over characters beyond U+FFFF
const WORD_BEFORE = new RegExp(`[${RUST_WORD}](?![^])`, "u"), WORD_AFTER = new RegExp(`^[${RUST_WORD}]`, "u");

/** A piece of text, or the id of an added token that stood there (`id >= 0`, then `text` is ""). */
export interface TextOrToken {
  /** "" for a token. */
  text: string;
  /** −1 for a text. */
  id: number;
}

/** Finds a set of added tokens. */
export class AddedTokenFinder {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | null;
  readonly #plain: RegExp | null;

  /**
   * Prepares the search.
   * @param tokens By the text they are found as (the normalised one for `normalized` tokens).
   */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    this.#pattern = alternation([...tokens.keys()]);
    // special tokens that aren't wanted still cover what they overlap only where others exist
    const hasPlain = [...tokens.values()].some((token) => !token.special);
    this.#plain = hasPlain ? this.#pattern : null;
  }

  /** Cuts a text at the tokens; `special: false` leaves special ones in the text. No piece is empty. */
  split(text: string, special: boolean): TextOrToken[] {
    const pattern = special ? this.#pattern : this.#plain;
    if (pattern === null || text === "") return text === "" ? [] : [{ text, id: -1 }];
    const out: TextOrToken[] = [];
    let from = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const token = valueOf(this.#tokens, match[0]);
      if (token.special && !special) continue;
      let start = match.index, end = start + match[0].length;
      if (token.single_word && (wordBefore(text, start) || wordAfter(text, end))) continue;
      if (token.lstrip) start = Math.max(from, start - trailingSpace(text.slice(from, start)));
      if (token.rstrip) end += leadingSpace(text.slice(end));
      // blanks that a token takes in may be a token too, and the library gives both, unless that one begins behind them
      if (start > from) out.push({ text: text.slice(from, start), id: -1 });
      if (end > start) out.push({ text: "", id: token.id });
      from = end;
    }
    if (from < text.length) out.push({ text: text.slice(from), id: -1 });
    return out;
  }
}

function alternation(texts: string[]): RegExp | null {
  const sorted = texts.filter((text) => text !== "").sort((a, b) => b.length - a.length);
  return sorted.length === 0 ? null : new RegExp(sorted.map(escapePattern).join("|"), "gu");
}

function wordBefore(text: string, index: number): boolean {
  return WORD_BEFORE.test(text.slice(Math.max(0, index - 2), index));
}

function wordAfter(text: string, index: number): boolean {
  return WORD_AFTER.test(text.slice(index, index + 2));
}

function trailingSpace(text: string): number {
  return /\p{White_Space}*$/u.exec(text)![0].length;
}

function leadingSpace(text: string): number {
  return /^\p{White_Space}*/u.exec(text)![0].length;
}
