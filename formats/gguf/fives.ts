/**
 * Blocks of 32 values in five bits behind their scale, bit for bit as llama.cpp's `quantize_row_q5_0_ref` and `quantize_row_q5_1_ref` give them: Q5_0
 * `d = m / −16` with m the value of largest magnitude, `q = trunc(x / d + 16.5)`, at most 31; Q5_1 `d = (largest − least) / 31`,
 * `q = trunc((x − least) / d + 0.5)`.
 * @module
 */
import { f64 } from "../elements.ts";
import { float32ToHalf } from "../float.ts";
import { nearestFloat32 } from "../subnormal.ts";

/** Writes fifth bits (4 bytes) and four bits (16 bytes) of 32 codes; gives the scale back. */
export function q5_0(block: Float64Array, out: Uint8Array): number {
  let largest = 0;
  for (let i = 0; i < 32; i++) {
    if (Math.abs(f64(block, i)) > Math.abs(largest)) largest = f64(block, i);
  }
  const d = nearestFloat32(largest / -16), inverse = d === 0 ? 0 : nearestFloat32(1 / d);
  // a scale that small is a half of 0, which makes a 0 of every code
  if (!Number.isFinite(inverse)) return d;
  writeCodes(
    out,
    (i) => Math.min(31, Math.trunc(nearestFloat32(nearestFloat32(f64(block, i) * inverse) + 16.5))),
  );
  return d;
}

/** As {@linkcode q5_0}, behind the least value as a half (2 bytes). */
export function q5_1(block: Float64Array, out: Uint8Array): number {
  let least = Infinity, largest = -Infinity;
  for (let i = 0; i < 32; i++) {
    least = Math.min(least, f64(block, i));
    largest = Math.max(largest, f64(block, i));
  }
  const d = nearestFloat32(nearestFloat32(largest - least) / 31), half = new Uint16Array(1);
  float32ToHalf(Float32Array.of(least), half);
  out.set(new Uint8Array(half.buffer));
  const inverse = d === 0 ? 0 : nearestFloat32(1 / d);
  if (!Number.isFinite(inverse)) return d;
  writeCodes(
    out.subarray(2),
    (i) => Math.trunc(nearestFloat32(nearestFloat32(nearestFloat32(f64(block, i) - least) * inverse) + 0.5)),
  );
  return d;
}

function writeCodes(out: Uint8Array, codeOf: (i: number) => number): void {
  let fifths = 0;
  for (let j = 0; j < 16; j++) {
    const low = codeOf(j), high = codeOf(j + 16);
    out[4 + j] = low & 15 | (high & 15) << 4;
    fifths |= low >> 4 << j | high >> 4 << (j + 16);
  }
  for (let i = 0; i < 4; i++) out[i] = fifths >>> 8 * i & 255;
}
