/**
 * Numbers that lines begin with and that may be the lines' own: in `1 (good)` and `2 (bad)` nothing is scored.
 * @module
 */
import type { LineScore } from "./line_names.ts";
import { type NamedScore, unread } from "./named_scores.ts";

/**
 * The entries; those that begin with a number have no score where these can be the numbers of a list.
 * @param count Lines or parts that they were read from.
 */
export function withoutOrdinals<T extends LineScore>(
  entries: readonly T[],
  count: number,
): (T | NamedScore)[] {
  const ordinals = entries.flatMap(({ ordinal }) => ordinal === undefined ? [] : [ordinal]);
  const canBeNumbers = ordinals.every(({ whole }) => whole <= count) &&
    (ordinals.some(({ part }) => part) ||
      new Set(ordinals.map(({ whole }) => whole)).size === ordinals.length);
  return entries.map((entry) => entry.ordinal !== undefined && canBeNumbers ? unread(...entry.names) : entry);
}
