/**
 * Quantiles of a sample.
 * @module
 */

/** Quantile of sorted numbers, linear between neighbours (type 7 of Hyndman & Fan 1996). */
export function quantile(sorted: ArrayLike<number>, at: number): number {
  const place = (sorted.length - 1) * at;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}
