/**
 * Spearman's rank correlation.
 * @module
 */
import { f64, i32, item } from "../../../formats/elements.ts";

/** Spearman's rank correlation, equal values with their mean rank; null for fewer than two or when one side is constant. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  return spearmanOfLevels(levelsOf(x), levelsOf(y), new Float64Array(x.length).fill(1));
}

/** Numbers by the place of their value among the distinct ones, which is all that ranks depend on. */
export interface Levels {
  /** Of each number: how many distinct values are smaller. */
  level: Int32Array;
  /** Distinct values. */
  distinct: number;
}

/** The {@linkcode Levels} of numbers. */
export function levelsOf(values: readonly number[]): Levels {
  const order = values.map((_, i) => i).sort((i, j) => item(values, i) - item(values, j));
  const level = new Int32Array(values.length);
  let distinct = 0;
  for (const [place, i] of order.entries()) {
    if (place > 0 && values[i] !== values[item(order, place - 1)]) distinct++;
    level[i] = distinct;
  }
  return { level, distinct: values.length === 0 ? 0 : distinct + 1 };
}

/**
 * {@linkcode spearman} of pairs that are there several times each or not at all, such as a resample's: nothing is sorted.
 * The sums are of quarters and exact, so that the order of pairs doesn't matter.
 * @param times Of each pair, whole numbers ≥ 0
 */
export function spearmanOfLevels(x: Levels, y: Levels, times: Float64Array): number | null {
  const n = times.reduce((sum, time) => sum + time, 0);
  const mean = (n + 1) / 2;
  const [a, b] = [ranks(x, times), ranks(y, times)];
  let xy = 0, xx = 0, yy = 0;
  for (let i = 0; i < times.length; i++) {
    const time = f64(times, i);
    if (time === 0) continue;
    const [left, right] = [f64(a, i32(x.level, i)) - mean, f64(b, i32(y.level, i)) - mean];
    xy += time * left * right;
    xx += time * left * left;
    yy += time * right * right;
  }
  return n < 2 || xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

/** Mean rank, from 1, of each level. */
function ranks({ level, distinct }: Levels, times: Float64Array): Float64Array {
  const counts = new Float64Array(distinct);
  for (let i = 0; i < level.length; i++) counts[i32(level, i)]! += f64(times, i);
  let before = 0;
  return counts.map((count) => {
    const rank = before + (count + 1) / 2;
    before += count;
    return rank;
  });
}
