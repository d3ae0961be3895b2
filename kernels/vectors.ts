/**
 * Plain loops over float64 arrays that kernels' references are written with. Indices are in range by construction.
 * @module
 */

import { f64 } from "../formats/elements.ts";

/** Row `index` of a row-major matrix with rows of `cols` elements, as a view. */
export function row(matrix: Float64Array, index: number, cols: number): Float64Array {
  return matrix.subarray(index * cols, (index + 1) * cols);
}

/** Rows of a row-major matrix, as views. */
export function* rowsOf(matrix: Float64Array, cols: number): Generator<Float64Array> {
  for (let start = 0; start < matrix.length; start += cols) yield matrix.subarray(start, start + cols);
}

/** Σ a ∘ b. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += f64(a, i) * f64(b, i);
  return sum;
}

/** y ← y + factor · x. */
export function addScaled(y: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < y.length; i++) y[i] = f64(y, i) + factor * f64(x, i);
}

/** A function of two to four arrays of the same length, element by element. */
export function zip(
  f: (a: number, b: number, c: number, d: number) => number,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array = b,
  d: Float64Array = b,
): Float64Array {
  const y = new Float64Array(a.length);
  for (let i = 0; i < y.length; i++) y[i] = f(f64(a, i), f64(b, i), f64(c, i), f64(d, i));
  return y;
}

/** Largest value, −∞ of none. */
export function maximum(values: Iterable<number>): number {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  return largest;
}

/** Weights e^z / Σ e^z and log Σ e^z; −∞ gives 0. */
export function softmax(z: Float64Array): { weights: Float64Array; logSum: number } {
  const largest = maximum(z), weights = z.map((value) => Math.exp(value - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return { weights: weights.map((value) => value / sum), logSum: largest + Math.log(sum) };
}
