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
  for (const [i, { start, body, apart }] of all.entries()) {
    if (start >= from && start < to) continue;
    const found = scoreAt(text, behindSum(text, body), scale);
    if (found === undefined || !(apart || found.bracketed)) continue;
    last = withoutOther(
      found,
      text.slice(found.end, Math.min(found.end + 400, all[i + 1]?.start ?? Infinity)),
    );
  }
  return last;
}

/** Of two verdicts in double brackets in one line, which differ, neither is taken. */
function withoutOther(found: ScoreText, behind: string): ScoreText {
  if (!found.bracketed || !("score" in found)) return found;
  const [line = ""] = behind.split("\n", 1);
  const other = [...line.matchAll(/\[\[ ?(\d{1,9}(?:\.\d{1,9})?)[^\]]{0,20}\]/g)]
    .find(([, number]) => Number(number) !== found.score);
  return other === undefined ? found : {
    off: `[[${found.score}]]${line.slice(0, other.index + other[0].length + 1)}`,
    bracketed: true,
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
