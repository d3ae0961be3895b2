/**
 * Uncertainty of a score.
 * @module
 */
import { bootstrapInterval, resamplesFor } from "./bootstrap.ts";
import { ratioStderr, type Sums } from "./ratio.ts";
import { wilsonInterval } from "./wilson.ts";

/** Uncertainty of a score. */
export interface Spread {
  /** Standard error; null for fewer than two items. */
  stderr: number | null;
  /** Ends of the 95 % interval; null where nothing can be said. */
  interval: [low: number, high: number] | null;
}

/**
 * Standard error and interval of a score: the percentile bootstrap, and Wilson's interval where that one degenerates. It does
 * where all items are alike (from 0 of 6 it would be sure of 0), and where each item has all or nothing and it reaches an end
 * of the scale.
 *
 * Items are the units, so for scores of several constraints an item Wilson's interval is on the wide side.
 * @param max The score runs from 0 to this
 */
export function spreadOf(sums: Sums, max: number, resamples: number, seed: number): Spread {
  const { values, weights } = sums;
  const n = values.length;
  const stderr = ratioStderr(sums);
  const drawn = bootstrapInterval(sums, resamplesFor(n, resamples), seed);
  const reachesEnd = drawn === null || drawn[0] <= 0 || drawn[1] >= max;
  const degenerate = drawn === null || drawn[0] === drawn[1] || (reachesEnd && isAllOrNothing(sums, max));
  if (!degenerate || n === 0) return { stderr, interval: drawn };
  const total = (list: Float64Array) => list.reduce((a, b) => a + b, 0);
  const share = total(values) / (total(weights) * max);
  // the one item of a score that isn't met or not met says nothing about others
  if (n === 1 && share > 0 && share < 1) return { stderr, interval: null };
  const [low, high] = wilsonInterval(share, n);
  return { stderr, interval: [low * max, high * max] };
}

/** True if each item has nothing or the whole of its weight. */
function isAllOrNothing({ values, weights }: Sums, max: number): boolean {
  return values.every((value, i) => value === 0 || value === max * (weights[i] ?? NaN));
}
