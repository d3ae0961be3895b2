/**
 * Symbols of one word, and their merging: the pair of the lowest rank first, the leftmost among equals. Long words use a heap.
 * @module
 */
import { f64, i32 } from "../elements.ts";
import { NO_RANK, type PairTable } from "./pair_table.ts";

/** From here on the heap is quicker than a scan. */
const SCAN_LENGTH = 24;
/** Symbols of a word, fewer than; a key of the heap is a rank times this plus a place. */
export const MOST_SYMBOLS = 1 << 30;

/** Room for the symbols of a word, used again for the next one. */
export class Symbols {
  /** Ids of the word's symbols, the first {@linkcode Symbols.count}; more of them than that is scratch. */
  ids = new Int32Array(256);
  /** Number of symbols. */
  count = 0;
  #rank = new Int32Array(256);
  #next = new Int32Array(256);
  #before = new Int32Array(256);
  readonly #heap = new PairHeap();

  /** Makes room for so many symbols; what was in it is lost. */
  reserve(count: number): void {
    if (count <= this.ids.length) return;
    const size = Math.max(count, this.ids.length * 2);
    this.ids = new Int32Array(size);
    this.#rank = new Int32Array(size);
    this.#next = new Int32Array(size);
    this.#before = new Int32Array(size);
  }

  /** Merges pairs until none has a rank. */
  merge(pairs: PairTable): void {
    if (this.count < 2) return;
    if (this.count <= SCAN_LENGTH) this.#mergeByScan(pairs);
    else this.#mergeByHeap(pairs);
  }

  #mergeByScan(pairs: PairTable): void {
    const ids = this.ids, rank = this.#rank;
    let n = this.count;
    for (let i = 0; i < n - 1; i++) rank[i] = pairs.rank(i32(ids, i), i32(ids, i + 1));
    while (n > 1) {
      let best = NO_RANK, lowest = 0;
      for (let i = 0; i < n - 1; i++) {
        if (i32(rank, i) < best) {
          best = i32(rank, i);
          lowest = i;
        }
      }
      if (best === NO_RANK) break;
      ids[lowest] = i32(pairs.merged, best);
      n--;
      for (let i = lowest + 1; i < n; i++) {
        ids[i] = i32(ids, i + 1);
        rank[i] = i32(rank, i + 1);
      }
      if (lowest > 0) rank[lowest - 1] = pairs.rank(i32(ids, lowest - 1), i32(ids, lowest));
      if (lowest < n - 1) rank[lowest] = pairs.rank(i32(ids, lowest), i32(ids, lowest + 1));
    }
    this.count = n;
  }

  /** A linked list of symbols and a heap of pairs; an entry whose pair has changed since is skipped when it comes up. */
  #mergeByHeap(pairs: PairTable): void {
    const ids = this.ids, rank = this.#rank, next = this.#next, before = this.#before, heap = this.#heap;
    const n = this.count;
    // every merge removes a symbol and adds two pairs at most
    heap.begin(3 * n);
    const push = (left: number) => {
      const right = i32(next, left);
      const value = right < n ? pairs.rank(i32(ids, left), i32(ids, right)) : NO_RANK;
      rank[left] = value;
      if (value !== NO_RANK) heap.push(value * MOST_SYMBOLS + left);
    };
    for (let i = 0; i < n; i++) {
      next[i] = i + 1;
      before[i] = i - 1;
    }
    for (let i = 0; i < n; i++) push(i);
    while (heap.size > 0) {
      const key = heap.pop(), value = Math.floor(key / MOST_SYMBOLS), left = key - value * MOST_SYMBOLS;
      if (rank[left] !== value) continue;
      const right = i32(next, left);
      ids[left] = i32(pairs.merged, value);
      rank[right] = NO_RANK;
      next[left] = i32(next, right);
      if (i32(next, left) < n) before[i32(next, left)] = left;
      push(left);
      if (i32(before, left) >= 0) push(i32(before, left));
    }
    let count = 0;
    for (let i = 0; i < n; i = i32(next, i)) ids[count++] = i32(ids, i);
    this.count = count;
  }
}

/** A binary heap of numbers, the least first. */
class PairHeap {
  /** Numbers in it. */
  size = 0;
  #keys = new Float64Array(512);

  /** Empties it, with room for so many. */
  begin(most: number): void {
    if (this.#keys.length < most) this.#keys = new Float64Array(most);
    this.size = 0;
  }

  push(key: number): void {
    const keys = this.#keys;
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (f64(keys, parent) <= key) break;
      keys[i] = f64(keys, parent);
      i = parent;
    }
    keys[i] = key;
  }

  /** Takes the least one away; there must be one. */
  pop(): number {
    const keys = this.#keys, least = f64(keys, 0), size = --this.size, last = f64(keys, size);
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && f64(keys, child + 1) < f64(keys, child)) child++;
      if (last <= f64(keys, child)) break;
      keys[i] = f64(keys, child);
      i = child;
    }
    keys[i] = last;
    return least;
  }
}
