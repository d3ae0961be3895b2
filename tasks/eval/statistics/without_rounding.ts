/**
 * Numbers that are compared, freed of the rounding of their sums.
 * @module
 */

/** Steps a unit: far above the rounding of sums of verdicts, far below what two verdicts can differ by. */
const STEPS = 1e9;

/**
 * The number without what its calculation left in the last digits, so that 0.9 − 0.6 is 0.4 − 0.1 and neither ranks above the other.
 * @param value Of the size of a verdict
 */
export function withoutRounding(value: number): number {
  return Math.round(value * STEPS) / STEPS;
}
