/**
 * Quantiles of a sample.
 * @module
 */
import { item } from "../../../formats/elements.ts";

/** Quantile of sorted numbers, linear between neighbours (type 7 of Hyndman & Fan 1996). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return item(sorted, low) + (item(sorted, high) - item(sorted, low)) * (place - low);
}
