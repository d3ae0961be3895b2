/**
 * A comparison of two runs as a gate: whether the second one is worse, and whether anything was compared.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import type { Comparison } from "../compare/compare.ts";
import { weightText } from "../results/weight_text.ts";
import type { PairedScore } from "../statistics/paired.ts";
import { ROUNDING, scoreDifference, scoreValue } from "./comparison_tables.ts";

/**
 * Why the second run is worse in a score; null when it isn't. It is where its value is lower: over the items that both scored,
 * or over all of them with the unscored as misses.
 * @param metric Name of the score; "": the headline
 * @throws {RangeError} If there is no such score
 */
export function worseText(comparison: Comparison, metric: string): string | null {
  const score = scoreNamed(comparison, metric);
  const { metric: name, first, second, interval, mcnemar, ofAll: [allFirst, allSecond], items, unscored } =
    score;
  if (first !== null && second !== null && second < first - ROUNDING) {
    const ends = interval === null
      ? ""
      : `; 95 %: ${scoreDifference(interval[0])} to ${scoreDifference(interval[1])}`;
    const p = mcnemar === null ? "" : `, p = ${mcnemar.p.toPrecision(3)}`;
    return `Worse: ${name} is ${scoreValue(second)} after ${scoreValue(first)} (${
      scoreDifference(second - first)
    }${ends}${p}; ${counted(items, "item")})`;
  }
  // nothing scored is no 0, but doesn't open a gate either
  if (allFirst === null || (allSecond ?? 0) >= allFirst - ROUNDING) return null;
  const now = allSecond === null ? "has no score" : `is ${scoreValue(allSecond)} of all`;
  return `Worse: ${name} ${now} after ${scoreValue(allFirst)}, what is unscored counting as misses ` +
    `(${weightText(unscored[0])} before, ${weightText(unscored[1])} now)`;
}

/**
 * Why a score tells nothing of the two runs; null where it does: no item has it in both.
 * @param metric Name of the score; "": the headline
 * @throws {RangeError} If there is no such score
 */
export function nothingComparedText(comparison: Comparison, metric = ""): string | null {
  // a benchmark of one's own may tell nothing of items without an answer
  if (metric === "" && comparison.scores.length === 0) {
    return "Nothing compared: no item has a score in either run";
  }
  const { metric: name, items, unscored: [a, b] } = scoreNamed(comparison, metric);
  if (items > 0) return null;
  return `Nothing compared: no item has a score ${name} in both runs (unscored are ${weightText(a)} in A, ${
    weightText(b)
  } in B). ` +
    "The reasons stand in each run's report.md";
}

function scoreNamed({ scores, headline }: Comparison, metric: string): PairedScore {
  const name = metric === "" ? headline : metric;
  const score = scores.find((s) => s.metric === name);
  if (score !== undefined) return score;
  const names = scores.map((s) => s.metric);
  throw new RangeError(
    `Cannot compare the score "${name}" as there is none of that name${didYouMean(name, names)}: known are ${
      names.join(", ")
    }`,
  );
}
