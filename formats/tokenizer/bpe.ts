/**
 * Byte-pair encoding of one word: symbols are merged, the pair of the lowest rank first, the leftmost among equals.
 * Pairs are looked up in one open-addressed table of integers; long words use a heap; short words are remembered in a
 * cache that holds character codes, not strings, so that no text is kept alive by it.
 * @module
 */
import { shown } from "../message.ts";
import { f64, i32 } from "../elements.ts";
import { BYTE_TO_CHAR, byteToken, toByteAlphabet } from "./bytes.ts";
import type { BpeModelJson } from "./tokenizer_json.ts";

const NONE = 0x7fffffff;
/** Longest word that is remembered, in UTF-16 units. */
const CACHED_LENGTH = 40;
const CACHE_SLOTS = 1 << 17, CACHE_ENTRIES = 1 << 16, CACHE_UNITS = 1 << 20;
/** From here on the heap is quicker than a scan. */
const SCAN_LENGTH = 24;
const PIECE_LENGTH = 1 << 30;

/** The model of a tokenizer: words to ids. Not safe to share between threads (it has scratch space), one per worker. */
export class Bpe {
  /** Ids by token. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Tokens by id. */
  readonly tokens: readonly string[];
  readonly #byteLevel: boolean;
  readonly #ignoreMerges: boolean;
  readonly #fuseUnk: boolean;
  readonly #unk: number;
  /** Id of each byte, `[256]`, or −1. */
  readonly #byteIds: Int32Array;
  readonly #fallback: boolean;
  readonly #pairs: PairTable;
  readonly #longest: number;
  // scratch of one word
  #ids = new Int32Array(256);
  #rank = new Int32Array(256);
  #next = new Int32Array(256);
  #before = new Int32Array(256);
  #heap = new Float64Array(512);
  // cache
  readonly #slots = new Int32Array(CACHE_SLOTS).fill(-1);
  readonly #entries = new Int32Array(CACHE_ENTRIES * 4);
  readonly #keys = new Uint16Array(CACHE_UNITS);
  readonly #values = new Int32Array(CACHE_UNITS);
  #entryCount = 0;
  #keyCount = 0;
  #valueCount = 0;

  /**
   * Compiles a model.
   * @param model `model` of a tokenizer.json.
   * @param byteLevel True if its tokens are written in the byte alphabet.
   * @throws {SyntaxError} If a merge names a token that the vocabulary lacks.
   */
  constructor(model: BpeModelJson, byteLevel: boolean) {
    const vocab = new Map<string, number>(), tokens: string[] = [];
    let longest = 0;
    for (const [token, id] of Object.entries(model.vocab)) {
      vocab.set(token, id);
      tokens[id] = token;
      if (token.length > longest) longest = token.length;
    }
    this.vocab = vocab;
    this.tokens = tokens;
    this.#longest = longest;
    this.#byteLevel = byteLevel;
    this.#ignoreMerges = model.ignore_merges === true;
    this.#fuseUnk = model.fuse_unk === true;
    this.#unk = model.unk_token == null ? -1 : this.vocab.get(model.unk_token) ?? -1;
    const fallback = BYTE_TO_CHAR.map((_, byte) => this.vocab.get(byteToken(byte)) ?? -1);
    this.#fallback = model.byte_fallback === true;
    this.#byteIds = Int32Array.from(
      byteLevel ? BYTE_TO_CHAR.map((char) => this.vocab.get(char) ?? -1) : fallback,
    );
    const lacking = this.#byteIds.filter((id) => id < 0).length;
    if (byteLevel && this.#fallback && lacking > 0 && fallback.some((id) => id >= 0)) {
      throw new RangeError(
        `Cannot use the tokenizer: it is byte-level, lacks ${lacking} of the 256 bytes and has byte_fallback for them, which isn't supported`,
      );
    }
    this.#pairs = new PairTable(model.merges.length);
    model.merges.forEach((merge, rank) => {
      const [left, right] = typeof merge === "string" ? splitMerge(merge, rank) : merge;
      const l = this.#idOf(left, rank), r = this.#idOf(right, rank);
      this.#pairs.set(l, r, rank, this.#idOf(left + right, rank));
    });
  }

  #idOf(token: string, rank: number): number {
    const id = this.vocab.get(token);
    if (id === undefined) {
      throw new SyntaxError(
        `Cannot use merge ${rank} of the tokenizer: ${shown(token)} isn't in its vocabulary`,
      );
    }
    return id;
  }

  /** Pushes the ids of `text.slice(start, end)`, taken as one word, to `out`. The text has no lone surrogates. */
  encodeWord(text: string, start: number, end: number, out: number[]): void {
    const length = end - start;
    if (length > CACHED_LENGTH) {
      this.#merge(text, start, end);
      for (let i = 0; i < this.#count; i++) out.push(i32(this.#ids, i));
      return;
    }
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 15;
    let slot = hash & (CACHE_SLOTS - 1);
    const entries = this.#entries, keys = this.#keys, values = this.#values;
    for (let entry = i32(this.#slots, slot); entry >= 0; entry = i32(this.#slots, slot)) {
      const base = entry * 4;
      if (entries[base + 1] === length) {
        const key = i32(entries, base);
        let i = 0;
        while (i < length && keys[key + i] === text.charCodeAt(start + i)) i++;
        if (i === length) {
          const from = i32(entries, base + 2), to = from + i32(entries, base + 3);
          for (let v = from; v < to; v++) out.push(i32(values, v));
          return;
        }
      }
      slot = (slot + 1) & (CACHE_SLOTS - 1);
    }
    this.#merge(text, start, end);
    const count = this.#count;
    for (let i = 0; i < count; i++) out.push(i32(this.#ids, i));
    if (
      this.#entryCount === CACHE_ENTRIES || this.#keyCount + length > CACHE_UNITS ||
      this.#valueCount + count > CACHE_UNITS
    ) {
      this.#slots.fill(-1);
      this.#entryCount = this.#keyCount = this.#valueCount = 0;
      slot = hash & (CACHE_SLOTS - 1);
    }
    const entry = this.#entryCount++;
    this.#slots[slot] = entry;
    entries[entry * 4] = this.#keyCount;
    entries[entry * 4 + 1] = length;
    entries[entry * 4 + 2] = this.#valueCount;
    entries[entry * 4 + 3] = count;
    for (let i = 0; i < length; i++) keys[this.#keyCount++] = text.charCodeAt(start + i);
    for (let i = 0; i < count; i++) values[this.#valueCount++] = i32(this.#ids, i);
  }

  /** Number of ids of the word merged last; they are the first of `#ids`. */
  #count = 0;

  #merge(text: string, start: number, end: number): void {
    if (end - start > PIECE_LENGTH) {
      throw new RangeError(
        `Cannot encode a word of ${end - start} characters: at most ${PIECE_LENGTH} are possible`,
      );
    }
    if (this.#ignoreMerges && this.#wholeWord(text.slice(start, end))) return;
    if (this.#byteLevel) this.#byteSymbols(text, start, end);
    else this.#charSymbols(text, start, end);
    if (this.#count < 2) return;
    if (this.#count <= SCAN_LENGTH) this.#mergeByScan();
    else this.#mergeByHeap();
  }

  #wholeWord(word: string): boolean {
    if (word.length > this.#longest) return false;
    const id = this.vocab.get(this.#byteLevel ? toByteAlphabet(word) : word);
    if (id === undefined) return false;
    this.#ids[0] = id;
    this.#count = 1;
    return true;
  }

  #reserve(count: number): void {
    if (count <= this.#ids.length) return;
    const size = Math.max(count, this.#ids.length * 2);
    this.#ids = new Int32Array(size);
    this.#rank = new Int32Array(size);
    this.#next = new Int32Array(size);
    this.#before = new Int32Array(size);
  }

  #byteSymbols(text: string, start: number, end: number): void {
    this.#reserve((end - start) * 3);
    const ids = this.#ids, byteIds = this.#byteIds, unk = this.#unk;
    let n = 0, lastUnknown = false;
    const put = (byte: number) => {
      const id = i32(byteIds, byte);
      if (id >= 0) {
        ids[n++] = id;
        lastUnknown = false;
      } else if (unk >= 0 && !(lastUnknown && this.#fuseUnk)) {
        // a byte that the vocabulary lacks vanishes where there is no unknown token
        ids[n++] = unk;
        lastUnknown = true;
      }
    };
    for (let i = start; i < end; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | code & 0x3f);
      } else if (code < 0xd800 || code > 0xdfff) {
        put(0xe0 | code >> 12);
        put(0x80 | code >> 6 & 0x3f);
        put(0x80 | code & 0x3f);
      } else {
        code = 0x10000 + ((code & 0x3ff) << 10 | text.charCodeAt(++i) & 0x3ff);
        put(0xf0 | code >> 18);
        put(0x80 | code >> 12 & 0x3f);
        put(0x80 | code >> 6 & 0x3f);
        put(0x80 | code & 0x3f);
      }
    }
    this.#count = n;
  }

  #charSymbols(text: string, start: number, end: number): void {
    // four byte tokens at most for two units, three for one
    this.#reserve((end - start) * 3);
    const ids = this.#ids, unk = this.#unk;
    let n = 0, unknowns = 0;
    const flush = () => {
      for (; unknowns > 0; unknowns--) ids[n++] = unk;
    };
    for (let i = start; i < end;) {
      const [char = ""] = text.slice(i, i + 2);
      i += char.length;
      const id = this.vocab.get(char);
      if (id !== undefined) {
        flush();
        ids[n++] = id;
        continue;
      }
      if (this.#fallback) {
        const bytes = new TextEncoder().encode(char);
        if (bytes.every((byte) => i32(this.#byteIds, byte) >= 0)) {
          flush();
          for (const byte of bytes) ids[n++] = i32(this.#byteIds, byte);
          continue;
        }
      }
      if (unk >= 0) unknowns = this.#fuseUnk ? 1 : unknowns + 1;
    }
    flush();
    this.#count = n;
  }

  #mergeByScan(): void {
    const ids = this.#ids, rank = this.#rank, pairs = this.#pairs;
    let n = this.#count;
    for (let i = 0; i < n - 1; i++) rank[i] = pairs.rank(i32(ids, i), i32(ids, i + 1));
    while (n > 1) {
      let best = NONE, lowest = 0;
      for (let i = 0; i < n - 1; i++) {
        if (i32(rank, i) < best) {
          best = i32(rank, i);
          lowest = i;
        }
      }
      if (best === NONE) break;
      ids[lowest] = i32(pairs.merged, best);
      n--;
      for (let i = lowest + 1; i < n; i++) {
        ids[i] = i32(ids, i + 1);
        rank[i] = i32(rank, i + 1);
      }
      if (lowest > 0) rank[lowest - 1] = pairs.rank(i32(ids, lowest - 1), i32(ids, lowest));
      if (lowest < n - 1) rank[lowest] = pairs.rank(i32(ids, lowest), i32(ids, lowest + 1));
    }
    this.#count = n;
  }

  /** A linked list of symbols and a heap of pairs; an entry whose pair has changed since is skipped when it comes up. */
  #mergeByHeap(): void {
    const ids = this.#ids, rank = this.#rank, next = this.#next, before = this.#before, pairs = this.#pairs;
    const n = this.#count;
    // every merge removes a symbol and adds two pairs at most
    if (this.#heap.length < 3 * n) this.#heap = new Float64Array(3 * n);
    const heap = this.#heap;
    let size = 0;
    const push = (left: number) => {
      const right = i32(next, left);
      const value = right < n ? pairs.rank(i32(ids, left), i32(ids, right)) : NONE;
      rank[left] = value;
      if (value === NONE) return;
      const key = value * PIECE_LENGTH + left;
      let i = size++;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (f64(heap, parent) <= key) break;
        heap[i] = f64(heap, parent);
        i = parent;
      }
      heap[i] = key;
    };
    for (let i = 0; i < n; i++) {
      next[i] = i + 1;
      before[i] = i - 1;
    }
    for (let i = 0; i < n; i++) push(i);
    while (size > 0) {
      const key = f64(heap, 0);
      const last = f64(heap, --size);
      for (let i = 0;;) {
        let child = 2 * i + 1;
        if (child >= size) {
          heap[i] = last;
          break;
        }
        if (child + 1 < size && f64(heap, child + 1) < f64(heap, child)) child++;
        if (last <= f64(heap, child)) {
          heap[i] = last;
          break;
        }
        heap[i] = f64(heap, child);
        i = child;
      }
      const value = Math.floor(key / PIECE_LENGTH);
      const left = key - value * PIECE_LENGTH;
      if (rank[left] !== value) continue;
      const right = i32(next, left);
      ids[left] = i32(pairs.merged, value);
      rank[right] = NONE;
      next[left] = i32(next, right);
      if (i32(next, left) < n) before[i32(next, left)] = left;
      push(left);
      if (i32(before, left) >= 0) push(i32(before, left));
    }
    let count = 0;
    for (let i = 0; i < n; i = i32(next, i)) ids[count++] = i32(ids, i);
    this.#count = count;
  }
}

function splitMerge(merge: string, rank: number): readonly [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space < 0) {
    throw new SyntaxError(
      `Cannot use merge ${rank} of the tokenizer: ${
        JSON.stringify(merge)
      } isn't two tokens with a space between`,
    );
  }
  return [merge.slice(0, space), merge.slice(space + 1)];
}

/** Pairs of ids to ranks, and ranks to the merged id. */
class PairTable {
  /** Id that a merge of each rank makes, `[merges]`. */
  readonly merged: Int32Array;
  /** left, right, rank per slot; rank −1 marks a free one. */
  readonly #table: Int32Array;
  readonly #mask: number;

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

  rank(left: number, right: number): number {
    const rank = i32(this.#table, this.#slot(left, right) + 2);
    return rank < 0 ? NONE : rank;
  }
}
