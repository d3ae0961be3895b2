/**
 * The key/value cache of a batch of sequences, each in a slot of its own.
 *
 * A token's keys and values go into a small part of {@linkcode FRESH} rows a slot, which a step copies; every so many steps
 * (or when a sequence comes or goes) those rows join the past, which is laid out again then and read in place in between.
 * @module
 */
import { entryOf, item } from "../../../formats/elements.ts";
import type { Backend, Program, Tensor } from "../../backend.ts";
import { HIDDEN_PLACE } from "../../ops/cached_attention.ts";
import type { DecoderConfig } from "../decoder_config.ts";

/** Keys and values of one layer. */
export interface LayerCache {
  k: Tensor;
  v: Tensor;
}

/** Tokens between two layouts. Copying the past costs 1/32 a token, copying the fresh rows as much as 32 rows. */
export const FRESH = 32;

/** The past grows by so many rows, so that few shapes occur. */
const ROOM = 64;

/** Rows of several slots with their layers' tensors. */
export class KvCache {
  /** Past of every layer, `[slots, kv heads, room, head]`. */
  past: LayerCache[] = [];
  /** Fresh rows of every layer, `[slots · FRESH, kv]`, and where the next step writes them. */
  fresh: LayerCache[] = [];
  spare: LayerCache[] = [];
  /** Tokens in the past of each slot. */
  lengths: number[] = [];
  /** Fresh rows in use, the same in every slot. */
  used = 0;
  #pastPlaces: Tensor | null = null;
  readonly #empty: Tensor;

  /** @param arrange Program of `arrangeGraph`. */
  constructor(
    readonly backend: Backend,
    readonly config: DecoderConfig,
    readonly arrange: () => Promise<Program>,
  ) {
    this.#empty = backend.zeros([1, config.numKeyValueHeads, 1, config.headDim]);
  }

  /** Number of sequences that it has room for. */
  get slots(): number {
    return this.lengths.length;
  }

  /** Past of a layer for a program, one hidden row when there is none. */
  pastOf(layer: number): LayerCache {
    return this.past[layer] ?? { k: this.#empty, v: this.#empty };
  }

  /** Places of the past's rows, `[max(1, slots), room]`; the cache's own, not to be disposed. */
  pastPlaces(): Tensor {
    if (this.#pastPlaces) return this.#pastPlaces;
    const [slots, , room] = this.pastOf(0).k.shape as [number, number, number, number];
    const places = new Int32Array(slots * room).fill(HIDDEN_PLACE);
    this.lengths.forEach((length, s) => {
      for (let r = 0; r < length; r++) places[s * room + r] = r;
    });
    return this.#pastPlaces = this.backend.upload(places, [slots, room]);
  }

  /** Puts the fresh rows into the past, keeping the given slots in that order. */
  async flush(keep: readonly number[]): Promise<void> {
    if (this.used === 0 && keep.length === this.slots && keep.every((s, i) => s === i)) return;
    const room = this.#room, start = this.slots * room;
    const rows = keep.map((slot) => [
      ...Array.from({ length: item(this.lengths, slot) }, (_, r) => slot * room + r),
      ...Array.from({ length: this.used }, (_, r) => start + slot * FRESH + r),
    ]);
    await this.#layOut(rows, this.fresh);
  }

  /** Adds rows (`[count, kv]` of every layer) to a slot, or as a new one behind the others. */
  async append(slot: number | null, layers: readonly LayerCache[]): Promise<void> {
    await this.flush([...this.lengths.keys()]);
    const room = this.#room, start = Math.max(1, this.slots) * room, count = item(item(layers, 0).k.shape, 0);
    const rows = this.lengths.map((length, s) => Array.from({ length }, (_, r) => s * room + r));
    const added = Array.from({ length: count }, (_, r) => start + r);
    if (slot === null) rows.push(added);
    else item(rows, slot).push(...added);
    await this.#layOut(rows, layers);
  }

  /** Forgets everything. */
  clear(): void {
    for (const { k, v } of [...this.past, ...this.fresh, ...this.spare]) {
      k.dispose();
      v.dispose();
    }
    [this.past, this.fresh, this.spare, this.lengths, this.used] = [[], [], [], [], 0];
    this.#pastPlaces?.dispose();
    this.#pastPlaces = null;
  }

  /** Frees everything; the cache can't be used afterwards. */
  dispose(): void {
    this.clear();
    this.#empty.dispose();
  }

  get #room(): number {
    return item(this.pastOf(0).k.shape, 2);
  }

  /** @param rows Of each new slot: rows of the table that `cache_rows` makes of the past and `more`. */
  async #layOut(rows: readonly (readonly number[])[], more: readonly LayerCache[]): Promise<void> {
    if (rows.length === 0) return this.clear();
    const { backend, config } = this, program = await this.arrange();
    const longest = rows.reduce((max, list) => Math.max(max, list.length), 1);
    const room = Math.ceil(longest / ROOM) * ROOM;
    const table = new Int32Array(rows.length * room).fill(-1);
    rows.forEach((list, s) => table.set(list, s * room));
    const from = backend.upload(table, [rows.length, room]);
    const past: LayerCache[] = [];
    for (let layer = 0; layer < config.numLayers; layer++) {
      const old = this.pastOf(layer), { k: x_k, v: x_v } = item(more, layer);
      const made = await program.run({ cache_k: old.k, cache_v: old.v, x_k, x_v, from });
      past.push({ k: entryOf(made, "k"), v: entryOf(made, "v") });
    }
    from.dispose();
    const lengths = rows.map((list) => list.length);
    const [keep, spare] = lengths.length === this.slots ? [this.fresh, this.spare] : [[], []];
    if (keep.length) [this.fresh, this.spare] = [[], []];
    this.clear();
    const make = () => {
      const shape = [lengths.length * FRESH, config.numKeyValueHeads * config.headDim];
      return Array.from(past, () => ({ k: backend.zeros(shape), v: backend.zeros(shape) }));
    };
    [this.past, this.lengths] = [past, lengths];
    [this.fresh, this.spare] = keep.length ? [keep, spare] : [make(), make()];
  }
}
