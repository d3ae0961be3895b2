/**
 * Vector code for ggml's blocks of 256 values whose codes name entries of a grid, four or eight values at once (./grids.ts):
 *
 * - IQ2_XXS, IQ2_XS, IQ2_S `d·(2s_j+1)/8·±G`: entries of eight, 256, 512 or 1024 of them; a scale of four bits for 32 values (XXS) or 16;
 * - IQ3_XXS `d·(2s_j+1)/4·±G`, IQ3_S `d·(2s_j+1)·±G`: entries of four, 256 or 512 of them; a scale for 32 values;
 * - IQ1_S, IQ1_M `d·(2s_j+1)·(G±1/8)`: 2048 entries of eight; a scale of three bits for 32 values (S) or 16.
 *
 * Signs stand beside the entries' numbers: eight bits, or seven where their count of ones is even. Source: ggml-quants.c. Products are exact in
 * float32: 23 bits at most, multiples of 2⁻²⁷.
 * @module
 */
import { bytes16, int32, ints4, single, singles4, type WasmCode, type WasmFunction } from "./assemble.ts";
import { BlockFunction, type BlockTables } from "./block_code.ts";

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7], SIXTEEN = [...EIGHT, ...EIGHT.map((g) => g + 8)];

const { and, or, shiftLeft, shiftRight } = int32;
const bits = (value: WasmCode, first: number, count: number): WasmCode =>
  and(first ? shiftRight(value, first) : value, int32.of((1 << count) - 1));

/** A scale in all four places: d times 2s + 1, times so many eighths. */
const scaled = (d: WasmCode, scale: WasmCode, eighths: 1 | 2 | 8): WasmCode =>
  singles4.splat(
    single.multiply(
      single.multiply(d, single.ofInt(or(shiftLeft(scale, 1), int32.of(1)))),
      single.of(eighths / 8),
    ),
  );

/** Signs of 16 values: seven bits from each of two places of a word, with the bit that makes their count of ones even. */
function evenSigns(word: WasmCode, first: number, second = first + 7): WasmCode {
  const eight = (at: number) => {
    const seven = bits(word, at, 7);
    return or(seven, shiftLeft(and(int32.ones(seven), int32.of(1)), 7));
  };
  return or(eight(first), shiftLeft(eight(second), 8));
}

function twosOf32(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ2_XXS", { bytes: 66, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), word = code.local("i32");
    const group = (g: number) => {
      const from = 2 + 8 * g;
      const half = (h: number) => {
        const codes = code.entries("IQ2_XXS", 8, [code.byte(from + 2 * h), code.byte(from + 2 * h + 1)]);
        return code.put(code.negated(codes, evenSigns(word.get, 14 * h)), scale.get, 32 * g + 16 * h);
      };
      return [
        word.set(code.word(from + 4)),
        scale.set(scaled(d.get, shiftRight(word.get, 28), 1)),
        ...half(0),
        ...half(1),
      ];
    };
    return [d.set(code.half(0)), ...EIGHT.flatMap(group)];
  });
}

function twosOf16(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ2_XS", { bytes: 74, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), word = code.local("i32");
    const group = (j: number) => {
      const codes = code.entries("IQ2_XS", 8, [bits(word.get, 0, 9), bits(word.get, 16, 9)]);
      return [
        word.set(code.word(2 + 4 * j)),
        scale.set(scaled(d.get, bits(code.byte(66 + (j >> 1)), 4 * (j & 1), 4), 1)),
        ...code.put(code.negated(codes, evenSigns(word.get, 9, 25)), scale.get, 16 * j),
      ];
    };
    return [d.set(code.half(0)), ...SIXTEEN.flatMap(group)];
  });
}

function twosWithSigns(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ2_S", { bytes: 82, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128");
    const group = (j: number) => {
      const number = (k: number) =>
        or(code.byte(2 + k), shiftLeft(bits(code.byte(66 + (k >> 2)), 2 * (k & 3), 2), 8));
      const codes = code.entries("IQ2_S", 8, [number(2 * j), number(2 * j + 1)]);
      return [
        scale.set(scaled(d.get, bits(code.byte(74 + (j >> 1)), 4 * (j & 1), 4), 1)),
        ...code.put(code.negated(codes, code.short(34 + 2 * j)), scale.get, 16 * j),
      ];
    };
    return [d.set(code.half(0)), ...SIXTEEN.flatMap(group)];
  });
}

function threesOf32(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ3_XXS", { bytes: 98, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), word = code.local("i32");
    const group = (g: number) => {
      const half = (h: number) => {
        const codes = code.entries("IQ3_XXS", 4, [0, 1, 2, 3].map((k) => code.byte(2 + 8 * g + 4 * h + k)));
        return code.put(code.negated(codes, evenSigns(word.get, 14 * h)), scale.get, 32 * g + 16 * h);
      };
      return [
        word.set(code.word(66 + 4 * g)),
        scale.set(scaled(d.get, shiftRight(word.get, 28), 2)),
        ...half(0),
        ...half(1),
      ];
    };
    return [d.set(code.half(0)), ...EIGHT.flatMap(group)];
  });
}

function threesWithSigns(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ3_S", { bytes: 110, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128");
    const group = (g: number) => {
      const number = (k: number) =>
        or(code.byte(2 + k), shiftLeft(bits(code.byte(66 + (k >> 3)), k & 7, 1), 8));
      const half = (h: number) => {
        const codes = code.entries("IQ3_S", 4, [0, 1, 2, 3].map((k) => number(8 * g + 4 * h + k)));
        return code.put(code.negated(codes, code.short(74 + 4 * g + 2 * h)), scale.get, 32 * g + 16 * h);
      };
      return [
        scale.set(scaled(d.get, bits(code.byte(106 + (g >> 1)), 4 * (g & 1), 4), 8)),
        ...half(0),
        ...half(1),
      ];
    };
    return [d.set(code.half(0)), ...EIGHT.flatMap(group)];
  });
}

function onesOf32(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ1_S", { bytes: 50, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), eighth = code.local("v128");
    const word = code.local("i32");
    const group = (g: number) => {
      const number = (k: number) => or(code.byte(2 + 4 * g + k), shiftLeft(bits(word.get, 3 * k, 3), 8));
      const half = (h: number) =>
        code.put(
          bytes16.add(code.entries("IQ1_S", 8, [number(2 * h), number(2 * h + 1)]), eighth.get),
          scale.get,
          32 * g + 16 * h,
        );
      return [
        word.set(code.short(34 + 2 * g)),
        scale.set(scaled(d.get, bits(word.get, 12, 3), 1)),
        eighth.set(
          bytes16.splat(int32.subtract(int32.of(1), shiftLeft(shiftRight(word.get, 15), 1))),
        ),
        ...half(0),
        ...half(1),
      ];
    };
    return [d.set(code.half(0)), ...EIGHT.flatMap(group)];
  });
}

/** The scale's bits are the highest four of each of the scales' four numbers. */
function onesOf16(tables: BlockTables): WasmFunction {
  return new BlockFunction("IQ1_M", { bytes: 56, values: 256, tables }, (code) => {
    const d = code.local("f32"), scale = code.local("v128"), word = code.local("i32");
    const whole = [0, 1, 2, 3].map((k) => shiftLeft(shiftRight(code.short(48 + 2 * k), 12), 4 * k))
      .reduce((sum, four) => or(sum, four));
    const group = (j: number) => {
      const number = (k: number) => or(code.byte(2 * j + k), shiftLeft(bits(word.get, 4 * k, 3), 8));
      // a byte that is 1, or −1 where its bit is one
      const eighth = (k: number) =>
        and(int32.subtract(int32.of(1), shiftLeft(bits(word.get, 4 * k + 3, 1), 1)), int32.of(255));
      const eighths = bytes16.take(
        ints4.splat(or(eighth(0), shiftLeft(eighth(1), 8))),
        SIXTEEN.map((i) => i >> 3),
      );
      return [
        word.set(code.byte(32 + j)),
        scale.set(scaled(d.get, bits(code.short(48 + 2 * (j >> 2)), 3 * (j & 3), 3), 1)),
        ...code.put(
          bytes16.add(code.entries("IQ1_S", 8, [number(0), number(1)]), eighths),
          scale.get,
          16 * j,
        ),
      ];
    };
    return [d.set(code.halfOf(whole)), ...SIXTEEN.flatMap(group)];
  });
}

/** Functions by the names of ggml's types. */
export const GRID_BLOCKS: Readonly<Record<string, (tables: BlockTables) => WasmFunction>> = {
  IQ2_XXS: twosOf32,
  IQ2_XS: twosOf16,
  IQ2_S: twosWithSigns,
  IQ3_XXS: threesOf32,
  IQ3_S: threesWithSigns,
  IQ1_S: onesOf32,
  IQ1_M: onesOf16,
};
