/**
 * Scores as ratios of sums over items, and their standard error.
 * @module
 */
import { item } from "../../../formats/elements.ts";

/** Contribution of one item: Σ value / Σ weight over items is the score. */
export interface Sums {
  /** Value an item. */
  values: Float64Array;
  /** Weight an item, same length. */
  weights: Float64Array;
}

/**
 * Standard error of Σv/Σw over items (linearised, items as clusters): √(n/(n−1) Σ(v−θw)²) / Σw. With all weights 1 it is the
 * usual s/√n.
 */
export function ratioStderr({ values, weights }: Sums): number | null {
  const n = values.length;
  if (n < 2) return null;
  let value = 0, weight = 0;
  for (let i = 0; i < n; i++) {
    value += item(values, i);
    weight += item(weights, i);
  }
  const ratio = value / weight;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (item(values, i) - ratio * item(weights, i)) ** 2;
  return Math.sqrt((n / (n - 1)) * squares) / weight;
}
