/**
 * The smoothing of LLaMA-Factory's curves.
 * @module
 */

/**
 * Exponential moving average `s_i = w s_(i−1) + (1 − w) x_i`, `s_0 = x_0`, whose weight grows with the number of values:
 * `w = 1.8 (sigmoid(n / 20) − 0.5)`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { smooth } from "./smooth.ts";
 *
 * assertEquals(smooth([2, 2, 2]), [2, 2, 2]);
 * ```
 */
export function smooth(values: readonly number[]): number[] {
  const weight = 1.8 * (1 / (1 + Math.exp(-0.05 * values.length)) - 0.5);
  const result: number[] = [];
  for (const value of values) {
    const last = result.at(-1) ?? value;
    result.push(last * weight + (1 - weight) * value);
  }
  return result;
}
