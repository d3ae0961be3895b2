/**
 * A pack's arrays as they go to ranks and come back, each rank's under its number.
 * @module
 */
import { f64, i32 } from "../../../formats/elements.ts";
import { rowLengths } from "../../../kernels/engine/body/noise.ts";
import type { Pack } from "../../../kernels/engine/packs/pack.ts";
import { type FrameArray, withPrefix } from "./frames.ts";
import type { Share } from "./share.ts";

/** Each rank's part of a pack. */
export function partArrays(shares: readonly Share[]): Record<string, FrameArray> {
  return Object.assign({}, ...shares.map(({ part }, rank) => withPrefix(`${rank}.`, { ...part })));
}

/** Tokens of each row's sequence, for noise on embeddings. */
export function lengthArrays(pack: Pack, shares: readonly Share[]): Record<string, FrameArray> {
  const lengths = rowLengths(pack);
  return Object.fromEntries(
    shares.map(({ rows }, rank) => [`${rank}.lengths`, rows.map((row) => i32(lengths, row))]),
  );
}

/** Values of the pack's labels from the ranks'; two rows of them with `best`, the largest log-probability's behind the label's. */
export function gatherLabels(
  arrays: Readonly<Record<string, FrameArray>>,
  shares: readonly Share[],
  { labels: total, best }: { labels: number; best: boolean },
): Float64Array {
  const values = new Float64Array(best ? 2 * total : total);
  shares.forEach(({ labels }, rank) => {
    const own = arrays[`${rank}`] as Float64Array;
    for (let l = 0; l < own.length; l++) {
      const row = Math.floor(l / labels.length);
      values[row * total + i32(labels, l % labels.length)] = f64(own, l);
    }
  });
  return values;
}

/** A value of each of the pack's labels, shared out to the ranks. */
export function scatterLabels(values: Float64Array, shares: readonly Share[]): Record<string, FrameArray> {
  return Object.fromEntries(
    shares.map(({ labels }, rank) => [`${rank}`, Float64Array.from(labels, (l) => f64(values, l))]),
  );
}
