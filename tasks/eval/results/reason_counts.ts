/**
 * Counts why verdicts are missing. Reasons that differ in their numbers alone are one: it is shown with the numbers of the first.
 * @module
 */

/** Reasons that are kept apart. */
const MOST = 1000;
/** Characters of a reason that are shown. */
const LENGTH = 200;

/** A reason and how often it came. */
export interface ReasonCount {
  /** The first such reason. */
  reason: string;
  /** Verdicts without a score for it. */
  count: number;
}

/** Counts reasons; memory doesn't grow with their number. */
export class ReasonCounts {
  readonly #counts = new Map<string, ReasonCount & { varies: boolean }>();
  #others = 0;

  /** Counts one. */
  add(reason: string): void {
    const shown = reason.length > LENGTH ? `${reason.slice(0, LENGTH)}…` : reason;
    const key = shown.replaceAll(/\d+/g, "0");
    const known = this.#counts.get(key);
    if (known !== undefined) {
      known.count++;
      known.varies ||= known.reason !== shown;
    } else if (this.#counts.size < MOST) this.#counts.set(key, { reason: shown, count: 1, varies: false });
    else this.#others++;
  }

  /** The most frequent ones, the first of them first. */
  most(number: number): ReasonCount[] {
    const sorted = [...this.#counts.values()].sort((a, b) => b.count - a.count);
    const rest = sorted.slice(number).reduce((sum, { count }) => sum + count, this.#others);
    return [
      ...sorted.slice(0, number).map(({ reason, count, varies }) => ({
        reason: varies ? `${reason} (the first; the numbers differ)` : reason,
        count,
      })),
      ...(rest > 0 ? [{ reason: "other reasons", count: rest }] : []),
    ];
  }
}
