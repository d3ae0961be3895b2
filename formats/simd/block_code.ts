/**
 * What vector code for ggml's blocks of every type is made of: a loop over blocks, parts of a block, and codes that become values.
 * @module
 */
import {
  bits128,
  bytes16,
  int32,
  ints4,
  shorts8,
  single,
  singles4,
  type WasmCode,
  WasmFunction,
  type WasmLocal,
} from "./assemble.ts";
import { type GridName, gridStart } from "./grids.ts";

/** Where tables lie in the memory. */
export interface BlockTables {
  /** The float32 of every half, `[65536]`. */
  halves: number;
  /** What grids.ts writes. */
  grids: number;
}

/** A function `NAME(from, to, end)` that makes values of a block behind another until `from` reaches `end`. */
export class BlockFunction extends WasmFunction {
  readonly #q: WasmLocal;
  readonly #eight: WasmLocal;

  constructor(
    name: string,
    { bytes, values, tables }: { bytes: number; values: number; tables: BlockTables },
    block: (code: BlockFunction) => WasmCode[],
  ) {
    super(name);
    this.tables = tables;
    this.#q = this.local("v128");
    this.#eight = this.local("v128");
    const [from, to, end] = this.given;
    this.repeat(
      int32.below(from.get, end.get),
      ...block(this),
      from.set(int32.add(from.get, int32.of(bytes))),
      to.set(int32.add(to.get, int32.of(4 * values))),
    );
  }

  /** Addresses of tables. */
  readonly tables: BlockTables;

  /** The half at a byte of the block, as a float32. */
  half(distance: number): WasmCode {
    return this.halfOf(this.short(distance));
  }

  /** The float32 of the bits of a half. */
  halfOf(bits: WasmCode): WasmCode {
    return single.load(int32.shiftLeft(bits, 2), this.tables.halves);
  }

  /** A byte of the block. */
  byte(distance: number): WasmCode {
    return int32.loadByte(this.given[0].get, distance);
  }

  /** 16 bits of the block. */
  short(distance: number): WasmCode {
    return int32.loadHalf(this.given[0].get, distance);
  }

  /** 32 bits of the block. */
  word(distance: number): WasmCode {
    return int32.load(this.given[0].get, distance);
  }

  /** 16 bytes of the block. */
  bytes(distance: number): WasmCode {
    return bits128.load(this.given[0].get, distance);
  }

  /** 16 signed codes times a scale, and a sum, go to the value at that place of the block. */
  put(
    codes: WasmCode,
    scale: WasmCode,
    place: number,
    sum = (value: WasmCode): WasmCode => value,
  ): WasmCode[] {
    const part = (ints: WasmCode, at: number) =>
      bits128.store(
        this.given[1].get,
        sum(singles4.multiply(singles4.ofInts(ints), scale)),
        4 * (place + at),
      );
    return [
      this.#q.set(codes),
      this.#eight.set(shorts8.ofLowBytes(this.#q.get)),
      part(ints4.ofLow(this.#eight.get), 0),
      part(ints4.ofHigh(this.#eight.get), 4),
      this.#eight.set(shorts8.ofHighBytes(this.#q.get)),
      part(ints4.ofLow(this.#eight.get), 8),
      part(ints4.ofHigh(this.#eight.get), 12),
    ];
  }

  /** 16 bytes: the entries of a grid of so many bytes each, by their numbers. */
  entries(grid: GridName, bytes: 4 | 8, numbers: readonly WasmCode[]): WasmCode {
    const { splat4, splat8, with4, with8 } = bits128, start = this.tables.grids + gridStart(grid);
    const at = (number: WasmCode) => int32.shiftLeft(number, bytes === 4 ? 2 : 3);
    const [first = [], ...others] = numbers;
    return others.reduce(
      (vector, number, i) => (bytes === 4 ? with4 : with8)(vector, at(number), start, i + 1),
      (bytes === 4 ? splat4 : splat8)(at(first), start),
    );
  }

  /** Ones in every bit of byte i where bit i of 16 bits is one. */
  spread(bits: WasmCode): WasmCode {
    const masks = this.constant(Array.from({ length: 16 }, (_, i) => 1 << (i % 8)));
    const bytes = bytes16.take(ints4.splat(bits), Array.from({ length: 16 }, (_, i) => i >> 3));
    return bytes16.equal(bits128.and(bytes, masks), masks);
  }

  /** 16 codes, those with a one among 16 bits negative. */
  negated(codes: WasmCode, bits: WasmCode): WasmCode {
    const mask = this.#eight;
    return [
      ...mask.set(this.spread(bits)),
      ...bytes16.subtract(bits128.xor(codes, mask.get), mask.get),
    ];
  }
}

/** Low halves of 16 bytes. */
export const low = (code: WasmFunction, codes: WasmCode): WasmCode => bits128.and(codes, code.all(15, 1));

/** High halves of 16 bytes. */
export const high = (_code: WasmFunction, codes: WasmCode): WasmCode => bytes16.shiftRight(codes, 4);
