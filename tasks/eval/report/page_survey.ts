/**
 * Survey of all items before the page is written: which of them fit on it, and how many constraints there are of
 * each group.
 * @module
 */
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import type { StoredItem } from "../store/stored.ts";
import { type ItemStatus, statusOf } from "./browser_data.ts";
import type { RingPart } from "./ring.ts";

/** Counts of the ring. */
export interface Ring {
  /** Grouping of the inner ring. */
  inner: string;
  /** Grouping of the outer ring; null without one. */
  outer: string | null;
  /** Pairs of an inner and an outer group with their counts. */
  parts: RingPart[];
}

const MOST_NAMES = 1000;
const MOST_PAIRS = 10_000;

/** See the module's text. */
export class PageSurvey {
  readonly #most: number;
  readonly #names = new Map<string, Set<string>>();
  readonly #pairs = new Map<string, number>();
  /** Items by how they ended. */
  readonly statuses: Record<ItemStatus, number> = { pass: 0, part: 0, fail: 0, unscored: 0, unanswered: 0 };

  /**
   * Nothing seen yet.
   * @param most Items that the page may hold
   */
  constructor(most: number) {
    this.#most = most;
  }

  /** Sees an item. */
  add(stored: StoredItem, contributions: readonly Contribution[]): void {
    this.statuses[statusOf(stored, contributions).status]++;
    for (const { groups } of stored.item.constraints) {
      const known = Object.entries(groups);
      for (const [by, name] of known) {
        const names = this.#names.get(by) ?? new Set();
        this.#names.set(by, names);
        if (names.size < MOST_NAMES) names.add(name);
      }
      const key = JSON.stringify(known);
      if (this.#pairs.size < MOST_PAIRS || this.#pairs.has(key)) {
        this.#pairs.set(key, (this.#pairs.get(key) ?? 0) + 1);
      }
    }
  }

  /** Number of items seen. */
  get total(): number {
    return Object.values(this.statuses).reduce((a, b) => a + b, 0);
  }

  /** Items on the page. */
  get shown(): number {
    return Math.min(this.total, this.#most);
  }

  /** Says of each item, in order, whether it is on the page: of too many, those that didn't pass come first. */
  chooser(): (status: ItemStatus) => boolean {
    let bad = this.#most, good = Math.max(0, this.#most - (this.total - this.statuses.pass));
    return (status) => status === "pass" ? good-- > 0 : bad-- > 0;
  }

  /** Inner ring: the grouping of constraints with the fewest names; outer: the next one. */
  ring(): Ring | null {
    const [first, second] = [...this.#names].filter(([, set]) => set.size > 1)
      .sort((a, b) => a[1].size - b[1].size).map(([by]) => by);
    if (first === undefined) return null;
    const parts = new Map<string, RingPart>();
    for (const [key, count] of this.#pairs) {
      const groups = Object.fromEntries(JSON.parse(key) as [string, string][]);
      const inner = groups[first] ?? "(none)";
      const outer = second === undefined ? "" : groups[second] ?? "(none)";
      const name = JSON.stringify([inner, outer]);
      parts.set(name, { inner, outer, count: (parts.get(name)?.count ?? 0) + count });
    }
    return { inner: first, outer: second ?? null, parts: [...parts.values()] };
  }
}
