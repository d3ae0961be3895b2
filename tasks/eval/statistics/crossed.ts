/**
 * Differences between two sets of runs over the same items and seeds.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { resamplesFor } from "./bootstrap.ts";
import { pairedScore } from "./paired.ts";
import { quantile } from "./quantile.ts";
import { randomIndex } from "./random_words.ts";
import { pairedShareInterval } from "./wilson.ts";

/** Contributions of each seed to each item: `[seed][item]`, all rows of one length. */
export interface SeededScores {
  /** Values, 0 to weight. */
  values: readonly (readonly number[])[];
  /** Weights, > 0; the same for all seeds. */
  weights: readonly number[];
}

/** A difference and the ends of its 95 % interval; null for fewer than two items. */
export interface CrossedDifference {
  /** Second minus first. */
  difference: number;
  /** Ends. */
  interval: [low: number, high: number] | null;
}

/** Σ value / Σ weight over items and seeds. */
export function seededMean({ values, weights }: SeededScores): number {
  const total = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  return total(values.map(total)) / (values.length * total(weights));
}

/**
 * Second minus first, paired over items and seeds. With one seed the interval is that of {@linkcode pairedScore}; with several
 * ones items and seeds are drawn with replacement, independently of each other (the pigeonhole bootstrap of crossed factors, Owen
 * 2007, doi:10.1214/07-AOAS122), which is conservative. Where changes of scores of 0 and 1 go in one direction or there are none,
 * the bootstrap would be sure of what it didn't see: there the interval also covers that of {@linkcode pairedShareInterval} for the
 * mean number of changes a seed.
 * @param resamples Number of resamples, >= 1
 * @throws {RangeError} If items or seeds of the two differ in number
 */
export function crossedDifference(
  first: SeededScores,
  second: SeededScores,
  resamples: number,
  seed: number,
): CrossedDifference {
  const seeds = first.values.length, items = first.weights.length;
  const sizes = ({ values, weights }: SeededScores) => `${values.length} seeds of ${weights.length} items`;
  if (sizes(first) !== sizes(second)) {
    throw new RangeError(
      `Cannot pair scores as the same items and seeds are needed: current value is ${sizes(first)} and ${
        sizes(second)
      }`,
    );
  }
  const difference = seededMean(second) - seededMean(first);
  if (seeds === 1) {
    const pairs = {
      values: [[...item(first.values, 0)], [...item(second.values, 0)]] as [number[], number[]],
      weights: [[...first.weights], [...second.weights]] as [number[], number[]],
    };
    return { difference, interval: pairedScore("", pairs, { resamples, seed }).interval };
  }
  if (items < 2) return { difference, interval: null };
  const nextItem = randomIndex(seed, items), nextSeed = randomIndex(seed + 1, seeds);
  const drawn = new Uint32Array(items);
  const rounds = resamplesFor(items * seeds, resamples);
  const found = new Float64Array(rounds);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < items; i++) drawn[i] = nextItem();
    let sum = 0, firstWeight = 0, secondWeight = 0, firstSum = 0;
    for (let s = 0; s < seeds; s++) {
      const which = nextSeed();
      const [a, b] = [item(first.values, which), item(second.values, which)];
      for (const i of drawn) {
        firstSum += item(a, i);
        sum += item(b, i);
        firstWeight += item(first.weights, i);
        secondWeight += item(second.weights, i);
      }
    }
    found[round] = sum / secondWeight - firstSum / firstWeight;
  }
  found.sort();
  const drawnEnds: [number, number] = [quantile(found, 0.025), quantile(found, 0.975)];
  const shares = shareInterval(first, second);
  return {
    difference,
    interval: shares === null
      ? drawnEnds
      : [Math.min(drawnEnds[0], shares[0]), Math.max(drawnEnds[1], shares[1])],
  };
}

/** By the mean number of changes a seed; null where they go in both directions, or scores aren't 0 or 1 and some change. */
function shareInterval(first: SeededScores, second: SeededScores): [number, number] | null {
  let worse = 0, better = 0, binary = true;
  for (const [s, row] of first.values.entries()) {
    for (const [i, a] of row.entries()) {
      const b = item(item(second.values, s), i);
      if (a > b) worse++;
      if (a < b) better++;
      binary &&= item(first.weights, i) === 1 && item(second.weights, i) === 1 &&
        [a, b].every((v) => v === 0 || v === 1);
    }
  }
  if (worse + better > 0 && (!binary || Math.min(worse, better) > 0)) return null;
  const seeds = first.values.length;
  return pairedShareInterval(worse / seeds, better / seeds, first.weights.length);
}
