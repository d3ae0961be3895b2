/**
 * A hint for a word that isn't known, where some of the known ones are refused themselves.
 * @module
 */
import { didYouMean, isSlip, nearest } from "../../../formats/did_you_mean.ts";

/** Words that may stand in one place of a file. */
export interface KnownWords {
  /** Words that are taken. */
  usable: readonly string[];
  /** Words that are known and refused: why, and what to use instead. */
  refused: Readonly<Record<string, string>>;
}

/**
 * The nearest word that is taken. A refused one is named only where it is the written one but for a slip, or where no other is near;
 * with why it is refused, so that nobody tries it. "" when nothing is near.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nearestUsable } from "./nearest_usable.ts";
 *
 * const known = { usable: ["adamw_torch", "sgd"], refused: { adamw_8bit: "it isn't there: use adamw_torch" } };
 * assertEquals(nearestUsable("adam_w", known), ' - did you mean "adamw_torch"?');
 * assertEquals(nearestUsable("adamw_8bits", known), "; adamw_8bit can't be used either, as it isn't there: use adamw_torch");
 * assertEquals(nearestUsable("zzz", known), "");
 * ```
 */
export function nearestUsable(word: string, { usable, refused }: KnownWords): string {
  const other = nearest(word, Object.keys(refused)), taken = nearest(word, usable);
  const isMeant = other !== undefined &&
    (taken === undefined || (isSlip(word, other) && !isSlip(word, taken)));
  return isMeant ? `; ${other} can't be used either, as ${refused[other]}` : didYouMean(word, usable);
}
