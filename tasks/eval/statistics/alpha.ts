/**
 * Krippendorff's alpha: how well several raters agree.
 * @module
 */

/** Distance of two values, for {@linkcode krippendorffAlpha}. */
export type Metric = "nominal" | "interval";

/**
 * Krippendorff's alpha, 1 − observed / expected disagreement (Krippendorff 2011, "Computing Krippendorff's
 * Alpha-Reliability").
 * @param units Values that each rater gave a unit; null where one gave none
 * @returns At most 1; null when no unit has two values, or all values are the same
 */
export function krippendorffAlpha(
  units: Iterable<readonly (number | null)[]>,
  metric: Metric = "interval",
): number | null {
  const sum = new AlphaSum(metric);
  for (const unit of units) sum.add(unit);
  return sum.alpha();
}

/** {@linkcode krippendorffAlpha} of units that come one at a time: only how often each value came is kept. */
export class AlphaSum {
  readonly #distance: (a: number, b: number) => number;
  readonly #counts = new Map<number, number>();
  #observed = 0;
  #total = 0;

  /**
   * No unit yet.
   * @param metric Distance of two values
   */
  constructor(metric: Metric) {
    this.#distance = metric === "nominal" ? (a, b) => a === b ? 0 : 1 : (a, b) => (a - b) ** 2;
  }

  /** Adds a unit: the values that each rater gave it, null where one gave none. */
  add(unit: readonly (number | null)[]): void {
    const values = unit.filter((value) => value !== null);
    if (values.length < 2) return;
    this.#total += values.length;
    let pairs = 0;
    for (const a of values) {
      this.#counts.set(a, (this.#counts.get(a) ?? 0) + 1);
      for (const b of values) pairs += this.#distance(a, b);
    }
    this.#observed += pairs / (values.length - 1);
  }

  /** Alpha of the units so far. */
  alpha(): number | null {
    let expected = 0;
    for (const [a, m] of this.#counts) {
      for (const [b, n] of this.#counts) expected += m * n * this.#distance(a, b);
    }
    if (this.#total < 2 || expected === 0) return null;
    return 1 - (this.#observed / this.#total) / (expected / (this.#total * (this.#total - 1)));
  }
}
