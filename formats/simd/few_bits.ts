/**
 * Vector code for ggml's blocks of two to four bits whose codes are counted or looked up in one short list:
 *
 * - Q2_K `d·s_j·q − dmin·m_j`: 256 values, 16 groups of 16 with scales and minima of four bits;
 * - Q3_K `d·(s_j−32)·(q−4)`: 16 groups with scales of six bits, a code's third bit in a mask;
 * - IQ4_NL `d·K[q]`: 32 values, K a list of 16 bytes; IQ4_XS `d·(s_j−32)·K[q]`: 256 values, 8 groups of 32;
 * - TQ1_0 and TQ2_0 `d·(q−1)`: 256 values, five of them in a byte as digits of 3, or four of two bits.
 *
 * Source: ggml-quants.c. Products are exact in float32 (./blocks.ts).
 * @module
 */
import {
  bits128,
  bytes16,
  int32,
  ints4,
  single,
  singles4,
  type WasmCode,
  type WasmFunction,
} from "./assemble.ts";
import { BlockFunction, type BlockTables, high, low } from "./block_code.ts";

/** What the codes of IQ4_NL and IQ4_XS stand for. */
const UNEVEN = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113].map((v) => v & 255);

/** 16 codes of two bits of group `j`: 32 bytes hold four times 32 of them. */
function pairs(code: BlockFunction, first: number, j: number): WasmCode {
  const bytes = code.bytes(first + 32 * (j >> 3) + 16 * (j & 1));
  return bits128.and(bytes16.shiftRight(bytes, 2 * (j >> 1 & 3)), code.all(3, 1));
}

const GROUPS = Array.from({ length: 16 }, (_, j) => j);

function twos(tables: BlockTables): WasmFunction {
  return new BlockFunction("Q2_K", { bytes: 84, values: 256, tables }, (code) => {
    const [d, dmin] = [code.local("f32"), code.local("f32")], scale = code.local("v128");
    const minimum = code.local("v128");
    const times = (factor: WasmCode, part: WasmCode) =>
      singles4.splat(single.multiply(factor, single.ofInt(part)));
    const group = (j: number) => [
      scale.set(times(d.get, int32.and(code.byte(j), int32.of(15)))),
      minimum.set(times(dmin.get, int32.shiftRight(code.byte(j), 4))),
      ...code.put(
        pairs(code, 16, j),
        scale.get,
        16 * j,
        (value) => singles4.subtract(value, minimum.get),
      ),
    ];
    return [d.set(code.half(80)), dmin.set(code.half(82)), ...GROUPS.flatMap(group)];
  });
}

function threes(tables: BlockTables): WasmFunction {
  return new BlockFunction("Q3_K", { bytes: 110, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128");
    const six = (j: number) => {
      const byte = code.byte(96 + j % 8),
        four = j < 8 ? int32.and(byte, int32.of(15)) : int32.shiftRight(byte, 4);
      const two = int32.and(int32.shiftRight(code.byte(104 + j % 4), 2 * (j >> 2)), int32.of(3));
      return int32.subtract(int32.or(four, int32.shiftLeft(two, 4)), int32.of(32));
    };
    const group = (j: number) => {
      const mask = bits128.and(bytes16.shiftRight(code.bytes(16 * (j & 1)), j >> 1), code.all(1, 1));
      const codes = bits128.or(pairs(code, 32, j), bytes16.shiftLeft(mask, 2));
      return [
        scale.set(singles4.splat(single.multiply(d.get, single.ofInt(six(j))))),
        ...code.put(bytes16.subtract(codes, code.all(4, 1)), scale.get, 16 * j),
      ];
    };
    return [d.set(code.half(108)), ...GROUPS.flatMap(group)];
  });
}

/** 32 values of 16 bytes from a place on: low halves, then high ones, looked up. */
function lookedUp(code: BlockFunction, from: number, scale: WasmCode, place: number): WasmCode[] {
  const list = code.constant(UNEVEN), bytes = code.bytes(from);
  return [
    ...code.put(bytes16.pick(list, low(code, bytes)), scale, place),
    ...code.put(bytes16.pick(list, high(code, bytes)), scale, place + 16),
  ];
}

function uneven(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ4_NL", { bytes: 18, values: 32, tables }, (code) => {
    const d = code.local("v128");
    return [d.set(singles4.splat(code.half(0))), ...lookedUp(code, 2, d.get, 0)];
  });
}

function unevenGroups(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ4_XS", { bytes: 136, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128");
    const group = (g: number) => {
      const four = int32.and(int32.shiftRight(code.byte(4 + (g >> 1)), 4 * (g & 1)), int32.of(15));
      const two = int32.and(int32.shiftRight(code.short(2), 2 * g), int32.of(3));
      const six = int32.subtract(int32.or(four, int32.shiftLeft(two, 4)), int32.of(32));
      return [
        scale.set(singles4.splat(single.multiply(d.get, single.ofInt(six)))),
        ...lookedUp(code, 8 + 16 * g, scale.get, 32 * g),
      ];
    };
    return [d.set(code.half(0)), ...GROUPS.slice(0, 8).flatMap(group)];
  });
}

function ternaryPairs(tables: BlockTables): WasmFunction {
  return new BlockFunction("TQ2_0", { bytes: 66, values: 256, tables }, (code) => {
    const d = code.local("v128");
    const group = (j: number) => code.put(bytes16.subtract(pairs(code, 0, j), code.all(1, 1)), d.get, 16 * j);
    return [d.set(singles4.splat(code.half(64))), ...GROUPS.flatMap(group)];
  });
}

/** A byte is ⌈256·n / 243⌉ of five digits of 3; times 3ⁿ modulo 256 and then times 3 / 256 it gives digit n, 0 to 2. */
function ternaryDigits(tables: BlockTables): WasmFunction {
  return new BlockFunction("TQ1_0", { bytes: 54, values: 256, tables }, (code) => {
    const d = code.local("v128"), bytes = code.local("v128"), more = code.local("v128");
    const triple = () => bytes.set(bytes16.add(bytes16.add(bytes.get, bytes.get), bytes.get));
    // 3·85 is below 256, 3·86 isn't, and 3·171 is the first above 511; a comparison that holds is −1.
    const digits = (place: number) =>
      code.put(
        bytes16.subtract(
          bytes16.subtract(code.all(255, 1), bytes16.above(bytes.get, code.all(85, 1))),
          bytes16.above(bytes.get, code.all(170, 1)),
        ),
        d.get,
        place,
      );
    const five = (from: number, place: number, step: number) => [
      bytes.set(code.bytes(from)),
      ...[0, 1, 2, 3, 4].flatMap((n) => [...n ? [triple()] : [], ...digits(place + step * n)]),
    ];
    const last = [
      more.set(ints4.splat(code.word(48))),
      bytes.set(more.get),
      ...[1, 2, 3].flatMap((n) => [
        triple(),
        // four bytes of the last ones for each digit
        more.set(
          bits128.select(
            bytes.get,
            more.get,
            code.constant(Array.from({ length: 16 }, (_, i) => i >> 2 === n ? 255 : 0)),
          ),
        ),
      ]),
      bytes.set(more.get),
      ...digits(240),
    ];
    return [
      d.set(singles4.splat(code.half(52))),
      ...five(0, 0, 32),
      ...five(16, 16, 32),
      ...five(32, 160, 16),
      ...last,
    ];
  });
}

/** Functions by the names of ggml's types. */
export const FEW_BITS: Readonly<Record<string, (tables: BlockTables) => WasmFunction>> = {
  Q2_K: twos,
  Q3_K: threes,
  IQ4_NL: uneven,
  IQ4_XS: unevenGroups,
  TQ1_0: ternaryDigits,
  TQ2_0: ternaryPairs,
};
