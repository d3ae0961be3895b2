/**
 * Weights of scores in texts.
 * @module
 */

/** A number of things that were judged: whole as it is, parts of one (a response that was judged in part) to two decimals. */
export function weightText(weight: number): string {
  return Number.isInteger(weight) ? String(weight) : weight.toFixed(2);
}
