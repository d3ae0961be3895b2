/**
 * Finds the overall score in a judge's text.
 * @module
 */
import { overallHeadings } from "./headings.ts";
import { scoreAt, type ScoreText } from "./score_text.ts";

/**
 * The overall score: the last that stands behind a heading, outside of `[from, to)`.
 * @param text Folded (plain_text.ts).
 */
export function findOverall(text: string, scale: number, from = 0, to = 0): ScoreText | undefined {
  let last: ScoreText | undefined;
  const all = overallHeadings(text);
  for (const [i, { start, body, apart, other }] of all.entries()) {
    if ((start >= from && start < to) || OF_ANOTHER.test(text.slice(Math.max(0, start - 48), start))) {
      continue;
    }
    const found = scoreAt(text, behindSum(text, body), scale);
    if (found === undefined && last !== undefined && apart) last = takenBack(text, body, last);
    if (found === undefined || !(apart || found.bracketed) || isQuoted(text, start, found.end)) continue;
    if (other !== undefined || ABOUT.test(text.slice(start, found.end))) {
      last = { off: text.slice(start, found.end), bracketed: found.bracketed, end: found.end };
      continue;
    }
    last = withoutOther(
      found,
      text.slice(found.end, Math.min(found.end + 400, all[i + 1]?.start ?? Infinity)),
    );
  }
  return last;
}

/** A number that is said to be near; two of the signs are Markdown's. */
const ABOUT = /(?<!~)~ ?\[{0,2}\d[^~\n]*$/;

/** True for a heading in quotes together with its score, in a line of other words: what is said of a text. */
function isQuoted(text: string, start: number, end: number): boolean {
  const [, words = "", open] =
    /(?:^|\n)([^\n]*?)(["“”'‘’「『\x60])(?:(?:the|final|constraints?)[\s_-]){0,3}$/i.exec(
      text.slice(Math.max(0, start - 120), start),
    ) ?? [];
  const [, close, behind = ""] =
    /^[^\S\n\p{L}\d]?[\]*_]{0,4}(["“”'‘’」』\x60])([^\n]{0,24})/u.exec(text.slice(end, end + 32)) ??
      [];
  return open !== undefined && close !== undefined && (/\p{L}/u.test(words) || /\p{L}/u.test(behind));
}

/** In front of an overall score that isn't this evaluation's. */
const OF_ANOTHER =
  /(?:previous|prior|earlier|former|old|original|initial|first|draft|claimed|own|self[- ]?assigned|its|whose)[\s"'“‘*_:\x60]{1,4}(?:(?:final|constraints?)[\s_*-]{0,3}){0,2}$/i;

/** A word or two behind a later heading, or a number that isn't understood: the verdict before it doesn't hold any more. */
function takenBack(text: string, body: number, verdict: ScoreText): ScoreText {
  const [said = ""] =
    /^[^\n]{1,24}(?=\n|$)|^[^\n]{0,60}\d[^\n]{0,60}(?=\n|$)/.exec(text.slice(body, body + 128)) ?? [];
  const isTold = said.trim() !== "" && (!said.includes("<") || /^\s?<\w{1,16}>\s?\d/.test(said)) &&
    /(?:[:=\n]|\bis)[\s*_`"'~]{0,4}$/.test(text.slice(Math.max(0, body - 8), body));
  return isTold
    ? { off: said.replace(/[*_`"']/g, "").trim(), bracketed: false, end: body + said.length }
    : verdict;
}

/** A second verdict in double brackets. */
const BRACKETED = /\[\[ ?(\d{1,9}(?:\.\d{1,9})?)[^\]]{0,20}\]/g;

/** A second number that is offered instead, behind a remark or none: ` (if lenient) or 6`, `, or rather 6`, `? No, 6`, `; 6`. */
const INSTEAD =
  /^[\]*_`"' ]{0,8}(?:\([^()]{0,120}\) ?)?(?:[,;] ?(?:or|或者?) |(?:or|或者?) |\? ?(?:no|不)[,.:]? ?|[,;] ?(?=[\d.]{1,9}[\]*_`"' ]{0,8}$))(?:rather |maybe |perhaps |even )?\[{0,2}(\d{1,2}(?:\.\d{1,9})?)(?![\d.]* ?%)/gi;

/** Of two verdicts in one line, which differ, neither is taken. */
function withoutOther(found: ScoreText, behind: string): ScoreText {
  if (!("score" in found)) return found;
  const [line = ""] = behind.split("\n", 1);
  const others = [...(found.bracketed ? line.matchAll(BRACKETED) : []), ...line.matchAll(INSTEAD)];
  const other = others.find(([, number]) => Number(number) !== found.score);
  if (other === undefined) return found;
  const [open, close] = found.bracketed ? ["[[", "]]"] : ["", ""];
  return {
    off: `${open}${found.score}${close}${line.slice(0, other.index + other[0].length + close.length / 2)}`,
    bracketed: found.bracketed,
    end: found.end,
  };
}

/** Where the result of a sum begins, such as `(10 + 8 + 0) / 3 = [[6]]`. */
function behindSum(text: string, from: number): number {
  const line = text.slice(from, from + 400).split("\n", 1)[0] ?? "";
  const sum = /^[\d\s.+*×÷/()-]+/.exec(line)?.[0] ?? "";
  if (sum.length === line.length || !/\d\D*[+*×÷/-]\D*\d/.test(sum)) return from;
  const sign = /^(?:[=≈][\d\s.+*×÷/()-]*)*[=≈]/.exec(line.slice(sum.length))?.[0];
  if (sign !== undefined) return from + sum.length + sign.length;
  return line.startsWith("[[", sum.length) ? from + sum.length : from;
}
