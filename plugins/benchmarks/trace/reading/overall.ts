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
  for (const { start, body, apart } of overallHeadings(text)) {
    if (start >= from && start < to) continue;
    const found = scoreAt(text, behindSum(text, body), scale);
    if (found !== undefined && (apart || found.bracketed)) last = found;
  }
  return last;
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
