/**
 * Parts of ggml's blocks, for all that read them.
 * @module
 */
import { f32, u8 } from "../elements.ts";
import { halfToFloat32 } from "../float.ts";

let halves: Float32Array | undefined;

/** Value of every half by its bits; a table is several times as fast as decoding in the loops below. */
function halfTable(): Float32Array {
  if (!halves) {
    halves = new Float32Array(65536);
    halfToFloat32(new Uint16Array(65536).map((_, i) => i), halves);
  }
  return halves;
}

/** The half in two bytes from `p`. */
export function scaleAt(bytes: Uint8Array, p: number): number {
  return f32(halfTable(), u8(bytes, p) | u8(bytes, p + 1) << 8);
}

/** The 32 bits in four bytes from `p`. */
export function word32(bytes: Uint8Array, p: number): number {
  return u8(bytes, p) | u8(bytes, p + 1) << 8 | u8(bytes, p + 2) << 16 | u8(bytes, p + 3) << 24;
}

/** The 6-bit scale of group `j` (0..7) of Q4_K and Q5_K, in 12 bytes from `p`; 4 bytes further lie the minima. */
export function scaleOf(bytes: Uint8Array, p: number, j: number): number {
  return j < 4 ? u8(bytes, p + j) & 63 : u8(bytes, p + j + 4) & 15 | u8(bytes, p + j - 4) >> 6 << 4;
}

/** As {@linkcode scaleOf}, the 6-bit minimum. */
export function minimumOf(bytes: Uint8Array, p: number, j: number): number {
  return j < 4 ? u8(bytes, p + j + 4) & 63 : u8(bytes, p + j + 4) >> 4 | u8(bytes, p + j) >> 6 << 4;
}
