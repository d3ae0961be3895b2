/**
 * Keys and values of sequences, each in a slot of memory that a program reads and writes in place. Slots stand one behind the
 * other, `[slots, kv heads, room, head]` of every layer, so neighbours can run together.
 * @module
 */
import { release } from "../../../../formats/release.ts";
import type { DecoderConfig } from "../../decoder/decoder_config.ts";

/** Rows of a layer, of all slots. */
export interface LayerMemory {
  k: Float32Array<ArrayBuffer>;
  v: Float32Array<ArrayBuffer>;
}

/** Rows a slot begins with; it doubles. */
const ROOM = 256;

/** Bytes of a buffer, at most. */
const ONE_PIECE = 2 ** 30;

/** A slot within keys or values of a layer that have room for `room` rows a slot. */
interface SlotPlace {
  values: Float32Array;
  room: number;
  slot: number;
}

/** The memory of all slots. */
export class SlotMemory {
  layers: LayerMemory[] = [];
  /** Rows of a slot. */
  room = 0;

  /** @param slots Of how many sequences; those that aren't used cost nothing, since memory counts once it is written. */
  constructor(readonly config: DecoderConfig, readonly slots: number) {}

  /** Floats of a slot in one layer's `k` or `v`. */
  get slotSize(): number {
    return this.config.numKeyValueHeads * this.room * this.config.headDim;
  }

  /**
   * Makes room for `rows` rows a slot; what the first `lengths` rows of each hold stays.
   * @returns Whether memory moved, so that what is bound to it must be bound again before the next run.
   */
  reserve(rows: number, lengths: readonly number[]): boolean {
    if (rows <= this.room) return false;
    const before = this.room;
    while (this.room < rows) this.room = this.room ? this.room * 2 : ROOM;
    const old = this.layers;
    this.layers = this.#made();
    this.layers.forEach(({ k, v }, layer) => {
      const from = old[layer];
      if (!from) return;
      for (const [slot, count] of lengths.entries()) {
        const [old, grown] = [{ room: before, slot }, { room: this.room, slot }];
        this.#copy({ ...old, values: from.k }, { ...grown, values: k }, count);
        this.#copy({ ...old, values: from.v }, { ...grown, values: v }, count);
      }
    });
    release(old.flatMap(({ k, v }) => [k, v]));
    return true;
  }

  /** Copies the first `rows` rows of a slot to another one. */
  copy(from: number, to: number, rows: number): void {
    if (from === to) return;
    for (const { k, v } of this.layers) {
      for (const values of [k, v]) {
        this.#copy({ values, room: this.room, slot: from }, { values, room: this.room, slot: to }, rows);
      }
    }
  }

  /** A copy of a slot's first row, `[layers, k and v, kv heads, head]`. */
  firstRow(slot: number): Float32Array<ArrayBuffer> {
    const { headDim, numLayers, numKeyValueHeads } = this.config;
    const row = new Float32Array(2 * numLayers * numKeyValueHeads * headDim);
    this.#eachHead(slot, (array, place, i) => row.set(array.subarray(place, place + headDim), i * headDim));
    return row;
  }

  /** Puts back what {@linkcode SlotMemory.firstRow} gave. */
  setFirstRow(slot: number, row: Float32Array<ArrayBuffer>): void {
    const { headDim } = this.config;
    this.#eachHead(slot, (array, place, i) => array.set(row.subarray(i * headDim, (i + 1) * headDim), place));
  }

  /** Exchanges the first rows of two slots: `rowsA` of `a`, `rowsB` of `b`. */
  swap(a: number, rowsA: number, b: number, rowsB: number): void {
    const { headDim, numKeyValueHeads } = this.config, spare = new Float32Array(rowsA * headDim);
    for (const { k, v } of this.layers) {
      for (const array of [k, v]) {
        for (let head = 0; head < numKeyValueHeads; head++) {
          const placeA = this.#place(a, head), placeB = this.#place(b, head);
          spare.set(array.subarray(placeA, placeA + spare.length));
          array.copyWithin(placeA, placeB, placeB + rowsB * headDim);
          array.set(spare, placeB);
        }
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    [this.layers, this.room] = [[], 0];
  }

  /**
   * Memory of all layers. In one piece where that isn't too large: the C library gives pieces of 32 MB and more fresh from the
   * system, whose pages cost nothing until they are written, and smaller ones from what was freed, overwritten with zeros.
   */
  #made(): LayerMemory[] {
    const { numLayers } = this.config,
      size = this.slots * this.slotSize,
      together = 8 * size * numLayers <= ONE_PIECE;
    const piece = together ? new Float32Array(2 * size * numLayers) : null;
    const part = (i: number) => piece?.subarray(i * size, (i + 1) * size) ?? new Float32Array(size);
    return Array.from({ length: numLayers }, (_, layer) => ({ k: part(2 * layer), v: part(2 * layer + 1) }));
  }

  /** @param each Called for k and v of every layer and head with the place of the slot's first row, and counted. */
  #eachHead(
    slot: number,
    each: (array: Float32Array<ArrayBuffer>, place: number, i: number) => void,
  ): void {
    let i = 0;
    for (const { k, v } of this.layers) {
      for (const array of [k, v]) {
        for (let head = 0; head < this.config.numKeyValueHeads; head++) {
          each(array, this.#place(slot, head), i++);
        }
      }
    }
  }

  #place(slot: number, head: number): number {
    return (slot * this.config.numKeyValueHeads + head) * this.room * this.config.headDim;
  }

  #copy(from: SlotPlace, to: SlotPlace, rows: number): void {
    const { headDim, numKeyValueHeads: heads } = this.config;
    for (let head = 0; head < heads; head++) {
      const start = (from.slot * heads + head) * from.room * headDim;
      const part = from.values.subarray(start, start + rows * headDim);
      to.values.set(part, (to.slot * heads + head) * to.room * headDim);
    }
  }
}
