/**
 * Tables of ids that don't keep the ids: a run over very many items needs to know which ids it has seen, not their texts.
 *
 * An id is known by 96 bits of its SHA-1: among 10⁹ ids two share them with a probability of about 10⁻¹¹.
 * @module
 */
import { item } from "../elements.ts";

import { hash } from "node:crypto";

/** Words of a hash that are kept. */
const WORDS = 3;

/** Numbers ids in the order in which they first come: about 24 bytes an id. */
export class IdTable {
  #hashes = new Uint32Array(WORDS * 1024);
  /** Slot + 1 by hash, open addressing; 0: free. At most half of it is in use. */
  #places = new Int32Array(2048);
  #size = 0;

  /** Number of ids. */
  get size(): number {
    return this.#size;
  }

  /** Number of an id, counted from 0; undefined when it is new. */
  find(id: string): number | undefined {
    const slot = item(this.#places, this.#placeOf(wordsOf(id)));
    return slot === 0 ? undefined : slot - 1;
  }

  /** The same; a new id gets the next number. */
  add(id: string): number {
    const words = wordsOf(id);
    const place = this.#placeOf(words);
    const known = item(this.#places, place);
    if (known !== 0) return known - 1;
    const slot = this.#size++;
    if (WORDS * this.#size > this.#hashes.length) {
      const larger = new Uint32Array(2 * this.#hashes.length);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes.set(words, WORDS * slot);
    this.#places[place] = slot + 1;
    if (2 * this.#size > this.#places.length) this.#enlarge();
    return slot;
  }

  /** Where the id stands in the table, or the free place where it belongs. */
  #placeOf(words: Uint32Array): number {
    const mask = this.#places.length - 1;
    for (let place = item(words, 0) & mask;; place = (place + 1) & mask) {
      const slot = item(this.#places, place);
      if (slot === 0 || this.#same(slot - 1, words)) return place;
    }
  }

  #same(slot: number, words: Uint32Array): boolean {
    for (let i = 0; i < WORDS; i++) if (this.#hashes[WORDS * slot + i] !== words[i]) return false;
    return true;
  }

  #enlarge(): void {
    this.#places = new Int32Array(2 * this.#places.length);
    for (let slot = 0; slot < this.#size; slot++) {
      this.#places[this.#placeOf(this.#hashes.subarray(WORDS * slot, WORDS * (slot + 1)))] = slot + 1;
    }
  }
}

/** Finds ids that come twice, and tells where the first one was. */
export class UniqueIds {
  readonly #table = new IdTable();
  #places = new Uint32Array(1024);

  /** Number of ids. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * Takes an id.
   * @param place Where it is, a whole number below 2³², such as its row
   * @returns Where it was before; undefined when it is new
   */
  claim(id: string, place: number): number | undefined {
    const before = this.#table.size;
    const slot = this.#table.add(id);
    if (slot < before) return item(this.#places, slot);
    if (slot === this.#places.length) {
      const larger = new Uint32Array(2 * slot);
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[slot] = place;
    return undefined;
  }
}

function wordsOf(id: string): Uint32Array {
  const bytes = hash("sha1", id, "buffer") as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: WORDS }, (_, i) => view.getUint32(4 * i));
}
