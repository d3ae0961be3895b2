/**
 * Vector code that makes float32 of ggml's quantised blocks, bit for bit as the `gguf` package of Python gives them. A block holds one or
 * two half-precision scales and small integers:
 *
 * - Q8_0 `d·q`, Q4_0 `d·(q−8)`, Q4_1 `d·q + m`, Q5_0 `d·(q−16)`, Q5_1 `d·q + m`: 32 values, one scale;
 * - Q4_K, Q5_K `d·s_j·q − dmin·m_j`: 256 values, 8 groups of 32 with 6-bit scales and minima;
 * - Q6_K `d·s_j·(q−32)`: 256 values, 16 groups of 16 with 8-bit scales;
 * - others in few_bits.ts and grid_blocks.ts.
 *
 * Source: ggml-quants.c. Products of a half (11 bits) and these integers have 23 bits at most, so they are exact in float32 and only a sum
 * rounds; all of them are multiples of 2⁻²⁴, so none is a subnormal float32.
 * @module
 */
import { bits128, bytes16, int32, single, singles4, type WasmCode, type WasmFunction } from "./assemble.ts";
import { BlockFunction, type BlockTables, high, low } from "./block_code.ts";
import { FEW_BITS } from "./few_bits.ts";
import { GRID_BLOCKS } from "./grid_blocks.ts";

/** 32 codes of 4 bits behind a scale and perhaps a minimum: byte i has codes i and 16 + i. */
function fours(name: string, tables: BlockTables, hasMinimum: boolean): WasmFunction {
  const head = hasMinimum ? 4 : 2;
  return new BlockFunction(name, { bytes: head + 16, values: 32, tables }, (code) => {
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
function fives(name: string, tables: BlockTables, hasMinimum: boolean): WasmFunction {
  const head = hasMinimum ? 4 : 2;
  return new BlockFunction(name, { bytes: head + 20, values: 32, tables }, (code) => {
    const [d, m, codes] = [code.local("v128"), code.local("v128"), code.local("v128")];
    const fifths = code.local("i32");
    const sum = hasMinimum ? (value: WasmCode) => singles4.add(value, m.get) : undefined;
    const centred = (value: WasmCode) => hasMinimum ? value : bytes16.subtract(value, code.all(16, 1));
    const fifth = (first: number) =>
      bits128.and(code.spread(int32.shiftRight(fifths.get, 8 * first)), code.all(16, 1));
    return [
      d.set(singles4.splat(code.half(0))),
      ...hasMinimum ? [m.set(singles4.splat(code.half(2)))] : [],
      fifths.set(code.word(head)),
      codes.set(code.bytes(head + 4)),
      ...code.put(centred(bits128.or(low(code, codes.get), fifth(0))), d.get, 0, sum),
      ...code.put(centred(bits128.or(high(code, codes.get), fifth(2))), d.get, 16, sum),
    ];
  });
}

function eights(tables: BlockTables): WasmFunction {
  return new BlockFunction("Q8_0", { bytes: 34, values: 32, tables }, (code) => {
    const d = code.local("v128");
    return [
      d.set(singles4.splat(code.half(0))),
      ...code.put(code.bytes(2), d.get, 0),
      ...code.put(code.bytes(18), d.get, 16),
    ];
  });
}

/** Q4_K and Q5_K: scales and minima of 6 bits in 12 bytes behind two halves, then fifth bits, then pairs of groups in 32 bytes. */
function groups(name: "Q4_K" | "Q5_K", tables: BlockTables): WasmFunction {
  const hasFifth = name === "Q5_K", first = hasFifth ? 48 : 16;
  return new BlockFunction(name, { bytes: first + 128, values: 256, tables }, (code) => {
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
function sixes(tables: BlockTables): WasmFunction {
  return new BlockFunction("Q6_K", { bytes: 210, values: 256, tables }, (code) => {
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

/** Functions by the names of ggml's types, given addresses of tables. */
export const BLOCK_FUNCTIONS: Readonly<Record<string, (tables: BlockTables) => WasmFunction>> = {
  ...FEW_BITS,
  ...GRID_BLOCKS,
  Q4_0: (tables) => fours("Q4_0", tables, false),
  Q4_1: (tables) => fours("Q4_1", tables, true),
  Q5_0: (tables) => fives("Q5_0", tables, false),
  Q5_1: (tables) => fives("Q5_1", tables, true),
  Q8_0: eights,
  Q4_K: (tables) => groups("Q4_K", tables),
  Q5_K: (tables) => groups("Q5_K", tables),
  Q6_K: sixes,
};
