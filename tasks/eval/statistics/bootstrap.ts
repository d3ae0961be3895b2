/**
 * Bootstrap intervals of ratios over items.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { quantile } from "./quantile.ts";
import { randomIndex } from "./random_words.ts";
import type { Sums } from "./ratio.ts";

/** Draws (items times resamples) a score gets at most; with more items there are fewer resamples, never under 200. */
const MOST_DRAWS = 2e7;

/** Resamples that so many items get of the `asked` ones. */
export function resamplesFor(items: number, asked: number): number {
  return Math.min(asked, Math.max(200, Math.floor(MOST_DRAWS / Math.max(1, items))));
}

/**
 * Percentile bootstrap of Σv/Σw (Efron 1979): items are drawn with replacement.
 * @param resamples Number of resamples, ≥ 1
 * @returns Ends of the middle 95 %; null for fewer than two items
 */
export function bootstrapInterval(sums: Sums, resamples: number, seed: number): [number, number] | null {
  const { values, weights } = sums;
  const n = values.length;
  if (n < 2) return null;
  const next = randomIndex(seed, n);
  const ratios = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let value = 0, weight = 0;
    for (let i = 0; i < n; i++) {
      const drawn = next();
      value += item(values, drawn);
      weight += item(weights, drawn);
    }
    ratios[b] = value / weight;
  }
  ratios.sort();
  return [quantile(ratios, 0.025), quantile(ratios, 0.975)];
}
