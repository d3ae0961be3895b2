/**
 * Spearman's rank correlation.
 * @module
 */
import { item } from "../../../formats/elements.ts";

/** Spearman's rank correlation, equal values with their mean rank; null for fewer than two or when one side is constant. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  const [a, b] = [ranks(x), ranks(y)];
  const n = a.length;
  const mean = (n + 1) / 2;
  let xy = 0, xx = 0, yy = 0;
  for (let i = 0; i < n; i++) {
    xy += (item(a, i) - mean) * (item(b, i) - mean);
    xx += (item(a, i) - mean) ** 2;
    yy += (item(b, i) - mean) ** 2;
  }
  return n < 2 || xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => item(values, i) - item(values, j));
  const ranked = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[item(order, end + 1)] === values[item(order, start)]) end++;
    for (let i = start; i <= end; i++) ranked[item(order, i)] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return ranked;
}
