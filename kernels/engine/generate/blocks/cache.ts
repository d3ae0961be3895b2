/**
 * The key/value cache of a batch of sequences, each in a slot of its own.
 *
 * Where a backend writes in place, a token's keys and values go into the past, which is laid out again when it has no room left or a sequence comes or
 * goes. Elsewhere they go into a small part of {@linkcode FRESH} rows a slot, which a step copies; every so many steps (or when a sequence comes or goes)
 * those rows join the past, which is laid out again then and read in place in between.
 * @module
 */
import { entryOf, item } from "../../../../formats/elements.ts";
import type { Backend, Program, Tensor } from "../../../backend.ts";
import { HIDDEN_PLACE } from "../../../ops/attention/cached_attention.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";

/** Keys and values of one layer. */
export interface LayerCache {
  k: Tensor;
  v: Tensor;
}

/** Tokens between two layouts. Copying the past costs 1/32 a token, copying the fresh rows as much as 32 rows. */
export const FRESH = 32;

/** The past grows by so many rows, so that few shapes occur. */
const ROOM = 64;
/** Where steps write in place, it grows by so many at least. */
const ROOM_IN_PLACE = 128;

/** Where the next token of every slot goes, as the inputs of a block. */
export interface NextRows {
  /** Places of the tokens, `[slots]`. */
  places: Int32Array<ArrayBuffer>;
  /** New row of each. */
  put: Int32Array<ArrayBuffer>;
  freshPlaces: Int32Array<ArrayBuffer>;
  /** Fresh rows of a layer, and the tensors that the new ones are written to: the past where it is written in place. */
  fresh(layer: number): LayerCache;
  into(layer: number): LayerCache;
}

/** Rows of several slots with their layers' tensors. */
export class KvCache {
  /** Past of every layer, `[slots, kv heads, room, head]`. */
  past: LayerCache[] = [];
  /** Fresh rows of every layer, `[slots · FRESH, kv]`, and where the next step writes them. */
  fresh: LayerCache[] = [];
  spare: LayerCache[] = [];
  /** Tokens in the past of each slot. */
  lengths: number[] = [];
  /** Steps since the cache was laid out: fresh rows in use where it isn't written in place, the same in every slot. */
  used = 0;
  #pastPlaces: Tensor | null = null;
  readonly #empty: Tensor;
  /** Rows that a layout adds none of, and no rows at all. */
  readonly #blank: Tensor;
  readonly #none: Tensor;

  /**
   * @param arrange Program of `arrangeGraph`
   * @param inPlace True if steps write into the past
   */
  constructor(
    readonly backend: Backend,
    readonly config: DecoderConfig,
    readonly arrange: () => Promise<Program>,
    readonly inPlace: boolean,
  ) {
    const { numKeyValueHeads, headDim } = config, cols = numKeyValueHeads * headDim;
    this.#empty = backend.zeros([1, numKeyValueHeads, 1, headDim]);
    this.#blank = backend.zeros([1, cols]);
    this.#none = backend.zeros([0, cols]);
  }

  /** Number of sequences that it has room for. */
  get slots(): number {
    return this.lengths.length;
  }

  /** Steps that there is room for before the cache is laid out again. */
  get left(): number {
    return this.inPlace ? this.#room - Math.max(0, ...this.lengths) : FRESH - this.used;
  }

  /** True if dropping slots costs nothing beside what has to be done, or is worth it by now. */
  get full(): boolean {
    return this.left === 0 || this.used >= FRESH;
  }

  /** Makes room for a step. */
  async makeRoom(): Promise<void> {
    if (this.left > 0) return;
    const all = [...this.lengths.keys()];
    await (this.inPlace ? this.#layOut(this.#rowsOf(all), this.#noMore()) : this.flush(all));
  }

  /** Where a step's tokens go; there must be room. */
  next(): NextRows {
    const { lengths, used, slots } = this, room = this.#room;
    if (this.inPlace) {
      return {
        places: Int32Array.from(lengths),
        put: Int32Array.from(lengths, (length, s) => s * room + length),
        freshPlaces: new Int32Array(0),
        fresh: () => ({ k: this.#none, v: this.#none }),
        into: (layer) => item(this.past, layer),
      };
    }
    return {
      places: Int32Array.from(lengths, (length) => length + used),
      put: Int32Array.from({ length: slots }, (_, s) => s * FRESH + used),
      freshPlaces: Int32Array.from(
        { length: slots * FRESH },
        (_, i) => i % FRESH <= used ? item(lengths, Math.floor(i / FRESH)) + i % FRESH : HIDDEN_PLACE,
      ),
      fresh: (layer) => item(this.fresh, layer),
      into: (layer) => item(this.spare, layer),
    };
  }

  /** A step has put its tokens where {@linkcode KvCache.next} said. */
  advance(): void {
    this.used++;
    if (this.inPlace) this.lengths = this.lengths.map((length) => length + 1);
    else [this.fresh, this.spare] = [this.spare, this.fresh];
  }

  /** Past of a layer for a program, one hidden row when there is none. */
  pastOf(layer: number): LayerCache {
    return this.past[layer] ?? { k: this.#empty, v: this.#empty };
  }

  /**
   * Places of the past's rows, `[max(1, slots), room]`; the cache's own, not to be disposed. Where steps write in place each row has its own, which the
   * tokens before it don't see.
   */
  pastPlaces(): Tensor {
    if (this.#pastPlaces) return this.#pastPlaces;
    const [slots, , room] = this.pastOf(0).k.shape as [number, number, number, number];
    const places = new Int32Array(slots * room).fill(HIDDEN_PLACE);
    this.lengths.forEach((length, s) => {
      const rows = this.inPlace ? room : length;
      for (let r = 0; r < rows; r++) places[s * room + r] = r;
    });
    return this.#pastPlaces = this.backend.upload(places, [slots, room]);
  }

  /** Puts the fresh rows into the past, keeping the given slots in that order. */
  async flush(keep: readonly number[]): Promise<void> {
    const joining = this.inPlace ? 0 : this.used;
    if (joining === 0 && keep.length === this.slots && keep.every((s, i) => s === i)) return;
    const start = this.slots * this.#room;
    const rows = this.#rowsOf(keep).map((past, i) => [
      ...past,
      ...Array.from({ length: joining }, (_, r) => start + item(keep, i) * FRESH + r),
    ]);
    await this.#layOut(rows, this.inPlace ? this.#noMore() : this.fresh);
  }

  /** Adds rows (`[count, kv]` of every layer) to a slot, or as a new one behind the others. */
  async append(slot: number | null, layers: readonly LayerCache[]): Promise<void> {
    await this.flush([...this.lengths.keys()]);
    const start = Math.max(1, this.slots) * this.#room, count = item(item(layers, 0).k.shape, 0);
    const rows = this.#rowsOf([...this.lengths.keys()]);
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
    for (const tensor of [this.#empty, this.#blank, this.#none]) tensor.dispose();
  }

  get #room(): number {
    return item(this.pastOf(0).k.shape, 2);
  }

  /** Rows of the table that `cache_rows` makes, of slots' tokens in the past. */
  #rowsOf(slots: readonly number[]): number[][] {
    const room = this.#room;
    return slots.map((slot) => Array.from({ length: item(this.lengths, slot) }, (_, r) => slot * room + r));
  }

  #noMore(): LayerCache[] {
    return Array.from({ length: this.config.numLayers }, () => ({ k: this.#blank, v: this.#blank }));
  }

  /** @param rows Of each new slot: rows of the table that `cache_rows` makes of the past and `more`. */
  async #layOut(rows: readonly (readonly number[])[], more: readonly LayerCache[]): Promise<void> {
    if (rows.length === 0) return this.clear();
    const { backend, config } = this, program = await this.arrange();
    const longest = rows.reduce((max, list) => Math.max(max, list.length), 1);
    const room = this.inPlace ? roomFor(longest + 1) : Math.ceil(longest / ROOM) * ROOM;
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
    if (this.inPlace) return;
    [this.fresh, this.spare] = keep.length ? [keep, spare] : [make(), make()];
  }
}

/** Room for so many rows: each quarter of a power of two, so that a long answer meets few shapes and lays its past out seldom. */
function roomFor(rows: number): number {
  const step = Math.max(ROOM_IN_PLACE, 2 ** (Math.floor(Math.log2(rows)) - 2));
  return Math.ceil(rows / step) * step;
}
