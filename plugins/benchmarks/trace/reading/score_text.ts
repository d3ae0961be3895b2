/**
 * Reads one score as judges write it: `10`, `**8**`, `7/10`, `7 out of 10`, `9 points`, `[[6]]`, `\boxed{6}`.
 * A number that isn't on the scale (`4/5`, `6-7`, `80%`, `11`) is distinguished from text without a score.
 * @module
 */

import { takenBackAt } from "./taken_back.ts";

/** A score that was found: on the scale, or not (then `off` is its text). */
export type ScoreText =
  & {
    /** True if it stands in brackets. */ bracketed: boolean; /** Where the text behind it begins. */
    end: number;
  }
  & ({ score: number } | { off: string } | { /** The text ends within it. */ cut: string });

const NUMBER = String.raw`[-+]?(?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})`;
const UNIT = String.raw`(?: ?(?:points?|pts?\.?|marks?|分|點|点)(?![a-z]))?`;
const OUT_OF = String
  .raw`(?: ?[(]?(?:/|out of|of|(?:on a )?scale(?: of| from)?:?|max(?:imum)?:?|满分:?|滿分:?|总分:?) ?(?:[01] ?(?:-|–|~|to) ?)?(\d{1,9}(?:\.\d{1,9})?))?`;
const WHOLE = new RegExp(`^ ?(${NUMBER})${UNIT}${OUT_OF}${UNIT} ?$`, "i");
const BARE = new RegExp(`(${NUMBER})${UNIT}${OUT_OF}${UNIT}`, "iy");
/** Marks around a score that say nothing. */
const WRAPPING = /(?:[\s*_`"'“”‘’$(]|\\\(){0,8}/y;
const OPEN = /\[{1,3}|\\boxed ?\{(?: ?\\(?:text|mathbf|textbf|mathrm) ?\{)?/y;
const CLOSE = /\]{1,3}|\}{1,2}/y;
const BEHIND_BRACKETS = new RegExp(`[*_\`"'$ ]{0,6}${OUT_OF}`, "iy");
/** Behind a bare number: a range, a share, another scale, a sum. */
const GOES_ON =
  /[*_`"'$) ]{0,6}(?:[-–—~～] ?\d|%|percent|(?:to|or|and|through|bis|至|到|或) ?\d|\/|[.,]\d|\d|\+|\^|×|(?:->|=>|→|⇒)[*_[ ]{0,6}\d|\*\d)/iy;
/** Behind a score with its scale: a remark that counts something, `8/10 — 1 of 2 sentences`, and no second score. */
const COUNTS =
  /[*_`"'”’$) ]{0,6} [-–—]{1,2} \d{1,4} (?:of (?!10(?!\d))\d{1,4}(?!\d|\.\d| ?(?:points?|pts?|marks?|分))|(?!points?|pts?|marks?|out|of|to|or|and|through)\p{L}{2})/iuy;
/** Behind a score without its scale: a share that is smaller, `10 — 1 of 2 sentences`; behind a smaller number it could be a range. */
const FEWER =
  /[*_`"'”’$) ]{0,6} [-–—]{1,2} (\d{1,4}) of (?!10(?!\d))\d{1,4}(?!\d|\.\d| ?(?:points?|pts?|marks?|分))/iuy;
/** Behind a bare number: it is over. */
const IS_OVER =
  /[*_`"'“”’$) ]{0,6}(?:$|[\]}),;|\n(（[<.!?。；，、：]|[-–—](?!>) ?\D|(?:because|since|as|due|given)\b|\/\/|# )/iy;

/**
 * Reads the score that a text begins with at `from`.
 * @param text Folded (plain_text.ts).
 * @param scale Highest score.
 * @returns undefined when there is none.
 */
export function scoreAt(text: string, from: number, scale: number): ScoreText | undefined {
  const start = from + matchLength(WRAPPING, text, from);
  const open = matchLength(OPEN, text, start);
  const found = open > 0 ? inBrackets(text, start, start + open, scale) : bare(text, start, scale);
  if (found === undefined || !("score" in found)) return found;
  const end = takenBackAt(text, found.end, found.score, scale);
  return end === undefined ? found : { off: text.slice(start, end), bracketed: found.bracketed, end };
}

function inBrackets(text: string, start: number, inside: number, scale: number): ScoreText | undefined {
  let close = inside;
  while (close < text.length && close < inside + 40 && !"[]{}\n".includes(text.charAt(close))) close++;
  const content = text.slice(inside, close);
  const closing = matchLength(CLOSE, text, close);
  const double = text.startsWith("[[", start);
  if (close + closing >= text.length && closing < (double ? 2 : 1)) {
    return /\d/.test(content) ? { cut: text.slice(start), bracketed: true, end: text.length } : undefined;
  }
  if (closing === 0 || content.trim() === "") return undefined;
  // a list may stand in single brackets, a verdict in words such as [[N/A]] only in double ones
  if (!double && !/\d/.test(content)) return undefined;
  const [behind = "", limit] = match(BEHIND_BRACKETS, text, close + closing) ?? [];
  const end = limit === undefined ? close + closing : close + closing + behind.length;
  const off = { off: text.slice(start, end), bracketed: true, end };
  const goesOn = double && closing < 2 && /^ ?,/.test(text.slice(close + closing, close + closing + 2));
  if (goesOn || (limit !== undefined && Number(limit) !== scale)) return off;
  const [, number, inner] = WHOLE.exec(content.replace(/[*_`$"']/g, "")) ?? [];
  if (number === undefined || (inner !== undefined && Number(inner) !== scale)) return off;
  const score = Number(number);
  return score >= 0 && score <= scale ? { score, bracketed: true, end } : off;
}

function bare(text: string, start: number, scale: number): ScoreText | undefined {
  const bound = match(/[<>≤≥] ?\d{1,9}(?!\d)/y, text, start)?.[0];
  if (bound !== undefined) return { off: bound, bracketed: false, end: start + bound.length };
  const [whole, number, limit] = match(BARE, text, start) ?? [];
  if (whole === undefined) return undefined;
  const end = start + whole.length;
  const found = { bracketed: false, end };
  const counts = Number(limit) === scale
    ? matchLength(COUNTS, text, end) > 0
    : limit === undefined && Number(match(FEWER, text, end)?.[1] ?? Infinity) < Number(number);
  if (!counts && matchLength(GOES_ON, text, end) > 0) {
    return { off: text.slice(start, end + 12).split("\n")[0] ?? "", ...found };
  }
  if (!counts && end < text.length && matchLength(IS_OVER, text, end) === 0) return undefined;
  if (limit !== undefined && Number(limit) !== scale) return { off: whole, ...found };
  if (end === text.length && /\d$/.test(whole) && limit === undefined) return { cut: whole, ...found };
  const score = Number(number);
  return score >= 0 && score <= scale ? { score, ...found } : { off: whole, ...found };
}

function match(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

function matchLength(pattern: RegExp, text: string, index: number): number {
  return match(pattern, text, index)?.[0].length ?? 0;
}
