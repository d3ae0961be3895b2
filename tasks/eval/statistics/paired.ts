/**
 * Paired difference of one score between two runs: standard error, interval, McNemar's test.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { resamplesFor } from "./bootstrap.ts";
import { mcnemar } from "./mcnemar.ts";
import { quantile } from "./quantile.ts";
import { randomIndex } from "./random_words.ts";
import { pairedShareInterval } from "./wilson.ts";

/** One score of both runs over the items that both have. */
export interface PairedScore {
  /** Name of the score. */
  metric: string;
  /** Items that both runs scored. */
  items: number;
  /** Value of the first run over these items; null without any. */
  first: number | null;
  /** Value of the second run over these items; null without any. */
  second: number | null;
  /** Second minus first; null without such items. */
  difference: number | null;
  /** Standard error of the difference, items paired; null for fewer than two items. */
  stderr: number | null;
  /** Ends of its 95 % interval, see {@linkcode pairedScore}; null where nothing can be said. */
  interval: [low: number, high: number] | null;
  /** For scores that are 0 or 1 an item: McNemar's exact test; null for others. */
  mcnemar: { onlyFirst: number; onlySecond: number; p: number } | null;
  /** Both values over all shared items, what is unscored counting as zero; null for a run in which none of them has a score. */
  ofAll: [first: number | null, second: number | null];
  /** Things (items, or constraints) without a score in each run. */
  unscored: [first: number, second: number];
}

/** One score's values and weights of both runs, an entry per item that both scored. */
export interface Pairs {
  /** Contributions' values: those of the first run, those of the second. */
  values: [number[], number[]];
  /** Their weights, > 0. */
  weights: [number[], number[]];
}

/**
 * One score's pairs, made into numbers. The interval is a percentile bootstrap over pairs; where changes go in one direction
 * or there are none, it is that of {@linkcode pairedShareInterval}, as the bootstrap would be sure of what it didn't see.
 * @param drawing `resamples` and `seed` of the bootstrap; `max`: largest value of the score, absent: 1
 */
export function pairedScore(
  metric: string,
  { values, weights }: Pairs,
  { resamples, seed, max = 1 }: { resamples: number; seed: number; max?: number },
): Omit<PairedScore, "ofAll" | "unscored"> {
  const n = values[0].length;
  if (n === 0) {
    const none = { first: null, second: null, difference: null, stderr: null, interval: null, mcnemar: null };
    return { metric, items: 0, ...none };
  }
  const total = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const ratio = [0, 1].map((side) => total(item(values, side)) / total(item(weights, side))) as [
    number,
    number,
  ];
  const binary = [0, 1].every((side) =>
    item(values, side).every((v, i) => item(weights, side)[i] === 1 && (v === 0 || v === 1))
  );
  const meanWeight = [0, 1].map((side) => total(item(weights, side)) / n);
  let onlyFirst = 0, onlySecond = 0, squares = 0;
  for (let i = 0; i < n; i++) {
    if (values[0][i]! > values[1][i]!) onlyFirst++;
    if (values[0][i]! < values[1][i]!) onlySecond++;
    const residual = [0, 1].map((side) =>
      (item(values, side)[i]! - item(ratio, side) * item(weights, side)[i]!) / item(meanWeight, side)
    );
    squares += (item(residual, 1) - item(residual, 0)) ** 2;
  }
  // a run that scored fewer parts of an item differs although its value is the same
  const unchanged = [0, 1].every((side) =>
    item([values, weights], side)[0].every((value, i) => value === item([values, weights], side)[1][i])
  );
  return {
    metric,
    items: n,
    first: ratio[0],
    second: ratio[1],
    difference: ratio[1] - ratio[0],
    // residuals are over the mean weight, so this is √(n/(n−1) Σd²)/n
    stderr: n < 2 ? null : Math.sqrt((n / (n - 1)) * squares) / n,
    interval: (binary && Math.min(onlyFirst, onlySecond) === 0) || unchanged
      ? pairedShareInterval(onlyFirst, onlySecond, n).map((end) => end * max) as [number, number]
      : n < 2
      ? null
      : pairedInterval(values, weights, resamplesFor(n, resamples), seed),
    mcnemar: binary ? { onlyFirst, onlySecond, p: mcnemar(onlyFirst, onlySecond) } : null,
  };
}

function pairedInterval(
  values: Pairs["values"],
  weights: Pairs["weights"],
  resamples: number,
  seed: number,
): [number, number] {
  const n = values[0].length;
  const next = randomIndex(seed, n);
  const differences = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let v0 = 0, w0 = 0, v1 = 0, w1 = 0;
    for (let i = 0; i < n; i++) {
      const drawn = next();
      v0 += values[0][drawn]!;
      w0 += weights[0][drawn]!;
      v1 += values[1][drawn]!;
      w1 += weights[1][drawn]!;
    }
    differences[b] = v1 / w1 - v0 / w0;
  }
  differences.sort();
  return [quantile(differences, 0.025), quantile(differences, 0.975)];
}
