/**
 * Float32 values as bytes of ggml's tensor types, bit for bit as the `gguf` package of Python gives them
 * (its module quants): Q8_0 `d = max|x| / 127`, `q = round(x / d)`, halves away from zero; Q4_0 `d = m / −8` with m the value of
 * largest magnitude, `q = trunc(x / d + 8.5)`, at most 15. Others are llama.cpp's `quantize_row_*_ref`, bit for bit (k_quants/, fives.ts).
 * @module
 */
import { f64 } from "../elements.ts";
import { float32ToBfloat16, float32ToHalf } from "../float.ts";
import { nearestFloat32, widened } from "../subnormal.ts";
import { q5_0, q5_1 } from "./fives.ts";
import { encodeK } from "./k_quants/encode.ts";

/** Tensor types that are written. */
export type GgufEncoding =
  | "F32"
  | "F16"
  | "BF16"
  | "Q8_0"
  | "Q4_0"
  | "Q5_0"
  | "Q5_1"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

/** Values of a block of Q8_0, Q4_0, Q5_0 and Q5_1. */
const BLOCK = 32;

/**
 * The bytes of some values, `[n]`; n a multiple of 32 for the types with blocks, of 256 for those of `_K`.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeTensor } from "./quantize.ts";
 *
 * assertEquals([...encodeTensor(new Float32Array([1]), "BF16")], [0x80, 0x3f]);
 * ```
 */
export function encodeTensor(
  values: Float32Array<ArrayBuffer>,
  encoding: GgufEncoding,
): Uint8Array<ArrayBuffer> {
  switch (encoding) {
    case "F32":
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case "F16":
    case "BF16": {
      const bits = new Uint16Array(values.length);
      (encoding === "F16" ? float32ToHalf : float32ToBfloat16)(values, bits);
      return new Uint8Array(bits.buffer);
    }
    case "Q8_0":
      return blocks(values, 34, q8_0);
    case "Q4_0":
      return blocks(values, 18, q4_0);
    case "Q5_0":
      return blocks(values, 22, q5_0);
    case "Q5_1":
      return blocks(values, 24, q5_1);
    case "Q4_K":
    case "Q5_K":
    case "Q6_K":
      return encodeK(values, encoding);
  }
}

function blocks(
  values: Float32Array<ArrayBuffer>,
  bytesPerBlock: number,
  encode: (block: Float64Array, out: Uint8Array) => number,
): Uint8Array<ArrayBuffer> {
  const count = values.length / BLOCK;
  if (!Number.isInteger(count)) {
    throw new TypeError(`Cannot encode blocks of ${BLOCK} values: current value is ${values.length} values`);
  }
  const out = new Uint8Array(count * bytesPerBlock);
  const wide = widened(values), scales = new Float32Array(count), halves = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const block = wide.subarray(i * BLOCK, (i + 1) * BLOCK);
    scales[i] = encode(block, out.subarray(i * bytesPerBlock + 2, (i + 1) * bytesPerBlock));
  }
  float32ToHalf(scales, halves);
  const view = new DataView(out.buffer);
  halves.forEach((half, i) => view.setUint16(i * bytesPerBlock, half, true));
  return out;
}

function q8_0(block: Float64Array, out: Uint8Array): number {
  let most = 0;
  for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(f64(block, i)));
  const d = nearestFloat32(most / 127), inverse = d === 0 ? 0 : nearestFloat32(1 / d);
  for (let i = 0; i < BLOCK; i++) {
    const x = nearestFloat32(f64(block, i) * inverse), size = Math.abs(x);
    const q = Math.floor(size) + Math.floor(2 * (size - Math.floor(size)));
    out[i] = x < 0 ? -q : q;
  }
  return d;
}

function q4_0(block: Float64Array, out: Uint8Array): number {
  let largest = f64(block, 0);
  for (let i = 1; i < BLOCK; i++) {
    if (Math.abs(f64(block, i)) > Math.abs(largest)) largest = f64(block, i);
  }
  const d = nearestFloat32(largest / -8), inverse = d === 0 ? 0 : nearestFloat32(1 / d);
  // a scale that small is a half of 0, which makes a 0 of every code
  if (!Number.isFinite(inverse)) return d;
  const q = (i: number) =>
    Math.min(15, Math.trunc(nearestFloat32(nearestFloat32(f64(block, i) * inverse) + 8.5)));
  for (let j = 0; j < BLOCK / 2; j++) out[j] = q(j) | (q(j + BLOCK / 2) << 4);
  return d;
}
