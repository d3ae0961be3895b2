/**
 * Merges of a byte-pair encoding, looked up in one open-addressed table of integers.
 * @module
 */
import { i32 } from "../elements.ts";

/** Rank of a pair that isn't merged: higher than any. */
export const NO_RANK = 0x7fffffff;

/** Pairs of ids to ranks, and ranks to the merged id. */
export class PairTable {
  /** Id that a merge of each rank makes, `[merges]`. */
  readonly merged: Int32Array;
  /** left, right, rank per slot; rank −1 marks a free one. */
  readonly #table: Int32Array;
  readonly #mask: number;

  /** @param count Merges, of ranks 0 to `count` − 1 */
  constructor(count: number) {
    let slots = 16;
    while (slots < count * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#table = new Int32Array(slots * 3).fill(-1);
    this.merged = new Int32Array(count);
  }

  #slot(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    const table = this.#table, mask = this.#mask;
    let slot = hash & mask;
    for (;;) {
      const base = slot * 3;
      if (table[base] === left && table[base + 1] === right || i32(table, base + 2) < 0) return base;
      slot = (slot + 1) & mask;
    }
  }

  /** A pair that comes twice takes its last rank, as in the tokenizers library. */
  set(left: number, right: number, rank: number, merged: number): void {
    const base = this.#slot(left, right);
    this.#table[base] = left;
    this.#table[base + 1] = right;
    this.#table[base + 2] = rank;
    this.merged[rank] = merged;
  }

  /** Rank of a pair of ids, or {@linkcode NO_RANK}. */
  rank(left: number, right: number): number {
    const rank = i32(this.#table, this.#slot(left, right) + 2);
    return rank < 0 ? NO_RANK : rank;
  }
}
