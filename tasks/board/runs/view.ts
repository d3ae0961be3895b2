/**
 * Points of many curves that a chart shows: as they are where they fit, else the lowest and the highest value of every bucket of the
 * horizontal axis, so that a single spike stays in sight.
 * @module
 */

import { f64, valueOf } from "../../../formats/elements.ts";

/** A curve: values over places that never fall. None is NaN. */
export interface Curve {
  /** Places on the horizontal axis. */
  x: Float64Array;
  /** Values, one a place. */
  y: Float64Array;
}

/** Curves over common places. */
export interface View {
  /** Places, rising. */
  x: number[];
  /** One list a curve: its value at each place, null where it has none. */
  lines: (number | null)[][];
  /** True if these are all values and not the ends of buckets. */
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

/** Lines of a log as a curve: those without a place or a value are left out. */
export function curveOf(x: Float64Array, y: Float64Array): Curve {
  const isWhole = (_: number, i: number) => !Number.isNaN(f64(x, i)) && !Number.isNaN(f64(y, i));
  return x.every(isWhole) ? { x, y } : { x: x.filter(isWhole), y: y.filter(isWhole) };
}

/** First and last place of curves with a value; null where there is none. */
export function rangeOf(curves: readonly Curve[]): [from: number, to: number] | null {
  const some = curves.filter(({ x }) => x.length > 0);
  const from = Math.min(...some.map(({ x }) => f64(x, 0)));
  const to = Math.max(...some.map(({ x }) => f64(x, x.length - 1)));
  return from > to ? null : [from, to];
}

/** The curve's part with values within the ends, and one value beyond each, so that lines leave the picture. */
function within({ x, y }: Curve, from: number, to: number): Curve {
  const first = Math.max(0, firstWhere(x, (place) => place >= from) - 1);
  const end = firstWhere(x, (place) => place > to) + 1;
  return { x: x.subarray(first, end), y: y.subarray(first, end) };
}

/** Index of the first place with a property that all later ones have too. */
function firstWhere(x: Float64Array, holds: (place: number) => boolean): number {
  let low = 0, high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(f64(x, middle))) high = middle;
    else low = middle + 1;
  }
  return low;
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
    for (let i = 0; i < curve.x.length;) {
      const bucket = Math.min(buckets - 1, Math.max(0, Math.floor((f64(curve.x, i) - from) / width)));
      const end = bucket === buckets - 1 ? Infinity : from + (bucket + 1) * width;
      let low = f64(curve.y, i), high = low, isRising = true;
      for (i++; i < curve.x.length && f64(curve.x, i) < end; i++) {
        const value = f64(curve.y, i);
        if (value < low) [low, isRising] = [value, false];
        else if (value > high) [high, isRising] = [value, true];
      }
      line[2 * bucket] = isRising ? low : high;
      if (low !== high) line[2 * bucket + 1] = isRising ? high : low;
    }
    return line;
  });
  return { x, lines, exact: false };
}

/**
 * An exponential moving average without the pull to its first value: `s_i = w s_(i−1) + (1 − w) y_i`, divided by `1 − wⁱ`, as
 * TensorBoard draws it.
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
  const result = new Float64Array(values.length);
  let sum = 0, whole = 1;
  for (let i = 0; i < values.length; i++) {
    sum = weight * sum + (1 - weight) * f64(values, i);
    whole *= weight;
    result[i] = sum / (1 - whole);
  }
  return result;
}
