/**
 * Vector code that makes float32 of ggml's quantised blocks, bit for bit as the `gguf` package of Python gives them. A block holds one or
 * two half-precision scales and small integers:
 *
 * - Q8_0 `d·q`, Q4_0 `d·(q−8)`, Q4_1 `d·q + m`, Q5_0 `d·(q−16)`, Q5_1 `d·q + m`: 32 values, one scale;
 * - Q4_K, Q5_K `d·s_j·q − dmin·m_j`: 256 values, 8 groups of 32 with 6-bit scales and minima;
 * - Q6_K `d·s_j·(q−32)`: 256 values, 16 groups of 16 with 8-bit scales.
 *
 * Source: ggml-quants.c. Products of a half (11 bits) and these integers have 23 bits at most, so they are exact in float32 and only a sum
 * rounds; all of them are multiples of 2⁻²⁴, so none is a subnormal float32.
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

/** A function `NAME(from, to, end)` that makes values of a block behind another until `from` reaches `end`. */
class Blocks extends WasmFunction {
  readonly #q: WasmLocal;
  readonly #eight: WasmLocal;

  constructor(
    name: string,
    { bytes, values, table }: { bytes: number; values: number; table: number },
    block: (code: Blocks) => WasmCode[],
  ) {
    super(name);
    this.table = table;
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

  /** Address of the float32 of every half. */
  readonly table: number;

  /** The half at a byte of the block, as a float32. */
  half(distance: number): WasmCode {
    return single.load(int32.shiftLeft(int32.loadHalf(this.given[0].get, distance), 2), this.table);
  }

  /** A byte of the block. */
  byte(distance: number): WasmCode {
    return int32.loadByte(this.given[0].get, distance);
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
}

const low = (code: WasmFunction, codes: WasmCode) => bits128.and(codes, code.all(15, 1));
const high = (_code: WasmFunction, codes: WasmCode) => bytes16.shiftRight(codes, 4);

/** 32 codes of 4 bits behind a scale and perhaps a minimum: byte i has codes i and 16 + i. */
function fours(name: string, table: number, hasMinimum: boolean): WasmFunction {
  const head = hasMinimum ? 4 : 2;
  return new Blocks(name, { bytes: head + 16, values: 32, table }, (code) => {
    const [d, m, codes] = [code.local("v128"), code.local("v128"), code.local("v128")];
    const sum = hasMinimum ? (value: WasmCode) => singles4.add(value, m.get) : undefined;
    const centred = (value: WasmCode) => hasMinimum ? value : bytes16.subtract(value, code.all(8, 1));
    return [
      d.set(singles4.splat(code.half(0))),
      ...hasMinimum ? [m.set(singles4.splat(code.half(2)))] : [],
      codes.set(code.bytes(head)),
      ...code.put(centred(low(code, codes.get)), d.get, 0, sum),
      ...code.put(centred(high(code, codes.get)), d.get, 16, sum),
    ];
  });
}

/** As {@linkcode fours}, with a fifth bit of each code in 32 bits between. */
function fives(name: string, table: number, hasMinimum: boolean): WasmFunction {
  const head = hasMinimum ? 4 : 2;
  return new Blocks(name, { bytes: head + 20, values: 32, table }, (code) => {
    const [d, m, codes, fifths] = [0, 1, 2, 3].map(() => code.local("v128")) as [
      WasmLocal,
      WasmLocal,
      WasmLocal,
      WasmLocal,
    ];
    const sum = hasMinimum ? (value: WasmCode) => singles4.add(value, m.get) : undefined;
    const centred = (value: WasmCode) => hasMinimum ? value : bytes16.subtract(value, code.all(16, 1));
    const masks = code.constant(Array.from({ length: 16 }, (_, i) => 1 << (i % 8)));
    const fifth = (first: number) => {
      const bytes = bytes16.take(fifths.get, Array.from({ length: 16 }, (_, i) => first + (i >> 3)));
      return bits128.and(bytes16.equal(bits128.and(bytes, masks), masks), code.all(16, 1));
    };
    return [
      d.set(singles4.splat(code.half(0))),
      ...hasMinimum ? [m.set(singles4.splat(code.half(2)))] : [],
      fifths.set(ints4.splat(int32.load(code.given[0].get, head))),
      codes.set(code.bytes(head + 4)),
      ...code.put(centred(bits128.or(low(code, codes.get), fifth(0))), d.get, 0, sum),
      ...code.put(centred(bits128.or(high(code, codes.get), fifth(2))), d.get, 16, sum),
    ];
  });
}

function eights(table: number): WasmFunction {
  return new Blocks("Q8_0", { bytes: 34, values: 32, table }, (code) => {
    const d = code.local("v128");
    return [
      d.set(singles4.splat(code.half(0))),
      ...code.put(code.bytes(2), d.get, 0),
      ...code.put(code.bytes(18), d.get, 16),
    ];
  });
}

/** Q4_K and Q5_K: scales and minima of 6 bits in 12 bytes behind two halves, then fifth bits, then pairs of groups in 32 bytes. */
function groups(name: "Q4_K" | "Q5_K", table: number): WasmFunction {
  const hasFifth = name === "Q5_K", first = hasFifth ? 48 : 16;
  return new Blocks(name, { bytes: first + 128, values: 256, table }, (code) => {
    const [d, dmin] = [code.local("f32"), code.local("f32")];
    const [scale, minimum, codes] = [code.local("v128"), code.local("v128"), code.local("v128")];
    const sum = (value: WasmCode) => singles4.subtract(value, minimum.get);
    const six = (j: number, from: number, nibble: (byte: WasmCode) => WasmCode) =>
      j < 4 ? int32.and(code.byte(from + j), int32.of(63)) : int32.or(
        nibble(code.byte(8 + j)),
        int32.shiftLeft(int32.shiftRight(code.byte(from + j - 4), 6), 4),
      );
    const group = (j: number) => {
      const part = (i: number) => {
        const four = (j % 2 === 0 ? low : high)(code, codes.get);
        const bit = bits128.and(bytes16.shiftRight(code.bytes(16 + i), j), code.all(1, 1));
        return [
          codes.set(code.bytes(first + 32 * (j >> 1) + i)),
          ...code.put(
            hasFifth ? bits128.or(four, bytes16.shiftLeft(bit, 4)) : four,
            scale.get,
            32 * j + i,
            sum,
          ),
        ];
      };
      const scales = six(j, 4, (byte) => int32.and(byte, int32.of(15)));
      const minima = six(j, 8, (byte) => int32.shiftRight(byte, 4));
      return [
        scale.set(singles4.splat(single.multiply(d.get, single.ofInt(scales)))),
        minimum.set(singles4.splat(single.multiply(dmin.get, single.ofInt(minima)))),
        ...part(0),
        ...part(16),
      ];
    };
    return [d.set(code.half(0)), dmin.set(code.half(2)), ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(group)];
  });
}

/** Q6_K: two halves of 128 values, each with 64 bytes of low nibbles, 32 bytes with two high bits of four values, eight scales. */
function sixes(table: number): WasmFunction {
  return new Blocks("Q6_K", { bytes: 210, values: 256, table }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), codes = code.local("v128");
    const half = (h: number) => (part: number) => (quarter: number) => {
      const i = 16 * part, nibbles = code.bytes(64 * h + i + 32 * (quarter % 2));
      const pair = bits128.and(bytes16.shiftRight(code.bytes(128 + 32 * h + i), 2 * quarter), code.all(3, 1));
      const group = int32.loadSignedByte(code.given[0].get, 192 + 8 * h + part + 2 * quarter);
      return [
        codes.set(bits128.or((quarter < 2 ? low : high)(code, nibbles), bytes16.shiftLeft(pair, 4))),
        scale.set(singles4.splat(single.multiply(d.get, single.ofInt(group)))),
        ...code.put(bytes16.subtract(codes.get, code.all(32, 1)), scale.get, 128 * h + 32 * quarter + i),
      ];
    };
    return [
      d.set(code.half(208)),
      ...[0, 1].map(half).flatMap((of) => [0, 1].map(of)).flatMap((of) => [0, 1, 2, 3].flatMap(of)),
    ];
  });
}

/** Functions by the names of ggml's types, given the address of the float32 of every half, `[65536]`. */
export const BLOCK_FUNCTIONS: Readonly<Record<string, (table: number) => WasmFunction>> = {
  Q4_0: (table) => fours("Q4_0", table, false),
  Q4_1: (table) => fours("Q4_1", table, true),
  Q5_0: (table) => fives("Q5_0", table, false),
  Q5_1: (table) => fives("Q5_1", table, true),
  Q8_0: eights,
  Q4_K: (table) => groups("Q4_K", table),
  Q5_K: (table) => groups("Q5_K", table),
  Q6_K: sixes,
};
