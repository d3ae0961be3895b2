/**
 * Ids of short words that came before. It holds character codes, not strings, so that no text is kept alive by it.
 * @module
 */
import { i32 } from "../elements.ts";

/** Longest word that is remembered, in UTF-16 units. */
export const CACHED_LENGTH = 40;
const SLOTS = 1 << 17, ENTRIES = 1 << 16, UNITS = 1 << 20;

/** Words of at most {@linkcode CACHED_LENGTH} units by an open-addressed table; emptied when it is full. */
export class WordCache {
  readonly #slots = new Int32Array(SLOTS).fill(-1);
  /** Of each word: first unit, units, first id, ids. */
  readonly #entries = new Int32Array(ENTRIES * 4);
  readonly #units = new Uint16Array(UNITS);
  readonly #ids = new Int32Array(UNITS);
  #entryCount = 0;
  #unitCount = 0;
  #idCount = 0;
  /** Hash of the word that was looked for last, and the free slot where it would stand. */
  #hash = 0;
  #slot = 0;

  /** Pushes the ids of `text.slice(start, end)` to `out` and gives true, or false for a word that it lacks. */
  find(text: string, start: number, end: number, out: number[]): boolean {
    const length = end - start, entries = this.#entries, units = this.#units;
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    let slot = hash & (SLOTS - 1);
    for (let entry = i32(this.#slots, slot); entry >= 0; entry = i32(this.#slots, slot)) {
      const base = entry * 4;
      if (entries[base + 1] === length) {
        const key = i32(entries, base);
        let i = 0;
        while (i < length && units[key + i] === text.charCodeAt(start + i)) i++;
        if (i === length) {
          const from = i32(entries, base + 2), to = from + i32(entries, base + 3);
          for (let id = from; id < to; id++) out.push(i32(this.#ids, id));
          return true;
        }
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    this.#hash = hash;
    this.#slot = slot;
    return false;
  }

  /** Remembers the first `count` ids as those of the word that {@linkcode WordCache.find} has just not found. */
  keep(text: string, start: number, end: number, word: { ids: Int32Array; count: number }): void {
    const { ids, count } = word, length = end - start, entries = this.#entries;
    if (
      this.#entryCount === ENTRIES || this.#unitCount + length > UNITS || this.#idCount + count > UNITS
    ) {
      this.#slots.fill(-1);
      this.#entryCount = this.#unitCount = this.#idCount = 0;
      this.#slot = this.#hash & (SLOTS - 1);
    }
    const entry = this.#entryCount++;
    this.#slots[this.#slot] = entry;
    entries[entry * 4] = this.#unitCount;
    entries[entry * 4 + 1] = length;
    entries[entry * 4 + 2] = this.#idCount;
    entries[entry * 4 + 3] = count;
    for (let i = start; i < end; i++) this.#units[this.#unitCount++] = text.charCodeAt(i);
    for (let i = 0; i < count; i++) this.#ids[this.#idCount++] = i32(ids, i);
  }
}
