/**
 * Texts whose parts are marked as the template's own or as data, and their ids: only in the template's own parts does
 * special-token text become a special token.
 * @module
 */
import { item } from "../../formats/elements.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";

/** Part of a text. */
export interface TextPart {
  /** Any text. */
  text: string;
  /** Written by the template, not by the data. */
  own: boolean;
}

/** One text that is tokenised as a whole, or a single token. */
export type Piece = readonly TextPart[] | "bos" | "eos";

/** A part of the template. */
export function ownText(text: string): TextPart {
  return { text, own: true };
}

/** A part of the data. */
export function data(text: string): TextPart {
  return { text, own: false };
}

/**
 * Ids of pieces, each tokenised on its own; a bos or eos that the tokenizer lacks is left out.
 * @param splitSpecial false: special-token text in data becomes special tokens too.
 */
export function encodePieces(
  tokenizer: Tokenizer,
  pieces: readonly Piece[],
  splitSpecial: boolean,
): number[] {
  const ids: number[] = [];
  for (const piece of pieces) {
    if (piece === "bos") {
      if (tokenizer.bosId !== null) ids.push(tokenizer.bosId);
    } else if (piece === "eos") {
      if (tokenizer.eosId !== null) ids.push(tokenizer.eosId);
    } else {
      for (const id of encodeTextParts(tokenizer, piece, splitSpecial)) ids.push(id);
    }
  }
  return ids;
}

/** Ids of one text. */
export function encodeTextParts(
  tokenizer: Tokenizer,
  parts: readonly TextPart[],
  splitSpecial: boolean,
): number[] {
  const text = parts.map((part) => part.text).join("");
  if (text === "") return [];
  const special = specialPattern(tokenizer);
  if (!splitSpecial || special === null || onlyOwn(text, parts, special)) {
    return tokenizer.encode(text, { special: true });
  }
  // matchAll begins where the last search ended
  special.lastIndex = 0;
  const ids: number[] = [];
  let plain = "";
  const flush = () => {
    if (plain !== "") ids.push(...tokenizer.encode(plain));
    plain = "";
  };
  for (const part of parts) {
    if (!part.own) {
      plain += part.text;
      continue;
    }
    let from = 0;
    for (const match of part.text.matchAll(special)) {
      plain += part.text.slice(from, match.index);
      flush();
      ids.push(tokenizer.tokenToId(match[0])!);
      from = match.index + match[0].length;
    }
    plain += part.text.slice(from);
  }
  flush();
  return ids;
}

/** True if all special-token text lies within own parts. */
function onlyOwn(text: string, parts: readonly TextPart[], special: RegExp): boolean {
  special.lastIndex = 0;
  let part = 0, end = 0;
  for (let match = special.exec(text); match !== null; match = special.exec(text)) {
    while (end <= match.index) end += item(parts, part++).text.length;
    if (!item(parts, part - 1).own || match.index + match[0].length > end) return false;
  }
  return true;
}

const patterns = new WeakMap<Tokenizer, RegExp | null>();

/** Matches the texts of special tokens, the longest first; null if there are none. */
export function specialPattern(tokenizer: Tokenizer): RegExp | null {
  let pattern = patterns.get(tokenizer);
  if (pattern === undefined) {
    const texts = [...tokenizer.specialIds].map((id) => tokenizer.idToToken(id)).filter((text) => text);
    const sorted = (texts as string[]).sort((a, b) => b.length - a.length);
    const escaped = sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
    pattern = sorted.length === 0 ? null : new RegExp(escaped.join("|"), "gu");
    patterns.set(tokenizer, pattern);
  }
  return pattern;
}
