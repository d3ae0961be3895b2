/**
 * Points of many curves that a chart shows: as they are where they fit, else the lowest and the highest value of every bucket of the
 * horizontal axis, so that a single spike stays in sight.
 * @module
 */

import { f64, i32, valueOf } from "../../../formats/elements.ts";

/** A curve: values over places that never fall. */
export interface Curve {
  /** Places on the horizontal axis; NaN where a line has none. */
  x: Float64Array;
  /** Values; NaN where a line has none. */
  y: Float64Array;
}

/** Curves over common places. */
export interface View {
  /** Places, rising. */
  x: number[];
  /** One list a curve: its value at each place, null where it has none. */
  lines: (number | null)[][];
  /** Whether these are all values and not the ends of buckets. */
  exact: boolean;
}

/**
 * Curves as a chart draws them.
 * @param from Ends of what is shown
 * @param points Places at most; two a bucket
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { viewOf } from "./view.ts";
 *
 * const curve = { x: Float64Array.of(0, 1, 2, 3), y: Float64Array.of(5, 9, 1, 4) };
 * assertEquals(viewOf([curve], 0, 3, 8), { x: [0, 1, 2, 3], lines: [[5, 9, 1, 4]], exact: true });
 * assertEquals(viewOf([curve], 0, 3, 2).lines, [[9, 1]]);
 * ```
 */
export function viewOf(curves: readonly Curve[], from: number, to: number, points: number): View {
  const shown = curves.map((curve) => within(curve, from, to));
  const places = commonPlaces(shown, points);
  return places === null ? bucketed(shown, from, to, Math.max(1, points >> 1)) : aligned(shown, places);
}

/** First and last place of curves with a value; null where there is none. */
export function rangeOf(curves: readonly Curve[]): [from: number, to: number] | null {
  let from = Infinity, to = -Infinity;
  for (const { x, y } of curves) {
    for (let i = 0; i < x.length; i++) {
      if (Number.isNaN(f64(y, i)) || Number.isNaN(f64(x, i))) continue;
      if (f64(x, i) < from) from = f64(x, i);
      if (f64(x, i) > to) to = f64(x, i);
    }
  }
  return from > to ? null : [from, to];
}

/** The curve's part with values within the ends, and one value beyond each, so that lines leave the picture. */
function within({ x, y }: Curve, from: number, to: number): Curve {
  const places = new Float64Array(x.length), values = new Float64Array(x.length);
  let kept = 0;
  for (let i = 0; i < x.length; i++) {
    const place = f64(x, i);
    if (Number.isNaN(f64(y, i)) || Number.isNaN(place)) continue;
    // of those before the part only the last one stays
    if (place < from) kept = 0;
    places[kept] = place;
    values[kept++] = f64(y, i);
    if (place > to) break;
  }
  return { x: places.subarray(0, kept), y: values.subarray(0, kept) };
}

function commonPlaces(curves: readonly Curve[], most: number): number[] | null {
  if (curves.some(({ x }) => x.length > most)) return null;
  const places = new Set<number>();
  for (const { x } of curves) {
    for (const place of x) places.add(place);
    if (places.size > most) return null;
  }
  return [...places].sort((a, b) => a - b);
}

function aligned(curves: readonly Curve[], x: number[]): View {
  const index = new Map(x.map((place, i) => [place, i]));
  const lines = curves.map((curve) => {
    const line = new Array<number | null>(x.length).fill(null);
    // of several values at one place (an evaluation written twice) the last one counts
    curve.x.forEach((place, i) => line[valueOf(index, place)] = f64(curve.y, i));
    return line;
  });
  return { x, lines, exact: true };
}

function bucketed(curves: readonly Curve[], from: number, to: number, buckets: number): View {
  const width = (to - from) / buckets || 1;
  const x = Array.from({ length: 2 * buckets }, (_, i) => from + (i / 2 + 0.25) * width);
  const lines = curves.map((curve) => {
    const line = new Array<number | null>(2 * buckets).fill(null);
    const low = new Int32Array(buckets).fill(-1), high = new Int32Array(buckets).fill(-1);
    for (let i = 0; i < curve.x.length; i++) {
      const bucket = Math.min(buckets - 1, Math.max(0, Math.floor((f64(curve.x, i) - from) / width)));
      if (low[bucket] === -1 || f64(curve.y, i) < f64(curve.y, i32(low, bucket))) low[bucket] = i;
      if (high[bucket] === -1 || f64(curve.y, i) > f64(curve.y, i32(high, bucket))) high[bucket] = i;
    }
    for (let bucket = 0; bucket < buckets; bucket++) {
      const [first, second] = [
        Math.min(i32(low, bucket), i32(high, bucket)),
        Math.max(i32(low, bucket), i32(high, bucket)),
      ];
      if (second < 0) continue;
      line[2 * bucket] = f64(curve.y, first);
      if (first !== second) line[2 * bucket + 1] = f64(curve.y, second);
    }
    return line;
  });
  return { x, lines, exact: false };
}

/**
 * An exponential moving average without the pull to its first value: `s_i = w s_(i−1) + (1 − w) y_i`, divided by `1 − wⁱ`, as
 * TensorBoard draws it. NaN is passed over.
 * @param weight From 0, which changes nothing, to below 1
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { smoothed } from "./view.ts";
 *
 * // (0.5 · 0.5 · 1 + 0.5 · 4) / (1 − 0.25)
 * assertAlmostEquals(smoothed(Float64Array.of(1, 4), 0.5)[1] ?? NaN, 3);
 * ```
 */
export function smoothed(values: Float64Array, weight: number): Float64Array {
  let sum = 0, whole = 1;
  return values.map((value) => {
    if (Number.isNaN(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    whole *= weight;
    return sum / (1 - whole);
  });
}
