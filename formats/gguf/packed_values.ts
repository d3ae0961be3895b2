/**
 * Blocks of ggml's further types as groups of 32 values in 4 or 8 bits. Their values are made first (../simd/blocks.ts), some thousand at a time;
 * where one scale stands for a group, dividing by it gives the codes back.
 *
 * | type | bits | code | scale | minimum |
 * | --- | --- | --- | --- | --- |
 * | IQ4_NL, IQ4_XS | 8 | K[q] + 128 | d, d·(s − 32) | none |
 * | MXFP4 | 8 | K[q] + 128 | 2^(e − 128) | none |
 * | TQ1_0, TQ2_0 | 4 | q − 1 + 8 | d | none |
 * | IQ2_XXS | 8 | ±G + 128 | d·(2s + 1)/8 | none |
 * | IQ3_XXS, IQ3_S | 8 | ±G + 128 | d·(2s + 1)/4, d·(2s + 1) | none |
 * | IQ1_S | 8 | 8G ± 1 + 128 | d·(2s + 1)/8 | none |
 * | Q3_K, IQ2_XS, IQ2_S, IQ1_M, NVFP4 | 8 | rounded | largest magnitude / 127 | none |
 * | Q2_K | 8 | rounded | range / 255 | of the middle |
 *
 * Those that are rounded have a scale for 16 values: half a step here is 1/254 of a pair's largest, or 1/510 of its range, where the types' own steps
 * are from a third to a seventh of one of the two.
 * @module
 */
import { f32, u8 } from "../elements.ts";
import { PACKED_GROUP } from "../packed/mod.ts";
import { scaleAt, word32 } from "./blocks.ts";
import { GGML_TYPES } from "./dequantize.ts";

/** Scale of group `g` of the block at `p`. */
type GroupScale = (bytes: Uint8Array, p: number, g: number) => number;

/** How a type's groups get scale and codes. */
export interface ValuePacking {
  /** Bits of a code. */
  readonly bits: 4 | 8;
  /** The one scale of 32 values, which all are whole multiples of it; or what else is done. */
  readonly scale: GroupScale | "largest" | "range";
}

const nibble = (bytes: Uint8Array, p: number, g: number): number =>
  u8(bytes, p + (g >> 1)) >> 4 * (g & 1) & 15;

/** By the type's number in a file. */
export const VALUE_PACKINGS: Readonly<Record<number, ValuePacking>> = {
  10: { bits: 8, scale: "range" },
  11: { bits: 8, scale: "largest" },
  16: { bits: 8, scale: (bytes, p, g) => oddScale(bytes, p, word32(bytes, p + 6 + 8 * g) >>> 28) / 8 },
  17: { bits: 8, scale: "largest" },
  18: { bits: 8, scale: (bytes, p, g) => oddScale(bytes, p, word32(bytes, p + 66 + 4 * g) >>> 28) / 4 },
  19: { bits: 8, scale: (bytes, p, g) => oddScale(bytes, p, u8(bytes, p + 35 + 2 * g) >> 4 & 7) / 8 },
  20: { bits: 8, scale: scaleAt },
  21: { bits: 8, scale: (bytes, p, g) => oddScale(bytes, p, nibble(bytes, p + 106, g)) },
  22: { bits: 8, scale: "largest" },
  23: {
    bits: 8,
    scale: (bytes, p, g) => {
      const two = u8(bytes, p + 2 + (g >> 2)) >> 2 * (g & 3) & 3;
      return scaleAt(bytes, p) * ((nibble(bytes, p + 4, g) | two << 4) - 32);
    },
  },
  29: { bits: 8, scale: "largest" },
  34: { bits: 4, scale: (bytes, p) => scaleAt(bytes, p + 52) },
  35: { bits: 4, scale: (bytes, p) => scaleAt(bytes, p + 64) },
  39: { bits: 8, scale: (bytes, p) => 2 ** (u8(bytes, p) - 128) },
  40: { bits: 8, scale: "largest" },
};

function oddScale(bytes: Uint8Array, p: number, scale: number): number {
  return scaleAt(bytes, p) * (2 * scale + 1);
}

/** Blocks at a time. */
const BLOCKS = 256;

/** Writes all blocks' groups. `minima` is empty but where the scale is that of a range. */
export function packValues(
  type: number,
  bytes: Uint8Array,
  { codes, scales, minima }: { codes: Uint8Array; scales: Float32Array; minima: Float32Array },
): void {
  const { blockBytes, blockSize, dequantize } = GGML_TYPES[type]!,
    { bits, scale: how } = VALUE_PACKINGS[type]!;
  const perBlock = blockSize / PACKED_GROUP, zero = 2 ** (bits - 1);
  for (let from = 0, group = 0; from < bytes.length; from += BLOCKS * blockBytes) {
    const part = bytes.slice(from, from + BLOCKS * blockBytes), made = dequantize!(part);
    const values = new Float32Array(made.buffer, made.byteOffset, made.length / 4);
    for (let first = 0; first < values.length; first += PACKED_GROUP, group++) {
      let scale: number, minimum = 0;
      if (typeof how === "function") {
        const block = Math.floor(first / blockSize);
        scale = how(bytes, from + block * blockBytes, group % perBlock);
      } else {
        let least = Infinity, most = -Infinity;
        for (let i = first; i < first + PACKED_GROUP; i++) {
          least = Math.min(least, f32(values, i));
          most = Math.max(most, f32(values, i));
        }
        scale = how === "range" ? (most - least) / 255 : Math.max(most, -least) / 127;
        if (how === "range") minima[group] = minimum = least + 128 * scale;
      }
      scales[group] = scale;
      for (let i = 0; i < PACKED_GROUP; i++) {
        // by the exact scale and minimum, so that no code goes beyond its end
        const code = zero + (scale && Math.round((f32(values, first + i) - minimum) / scale));
        if (bits === 8) codes[group * 32 + i] = code;
        else if (i & 1) codes[group * 16 + (i >> 1)]! |= code << 4;
        else codes[group * 16 + (i >> 1)] = code;
      }
    }
  }
}
