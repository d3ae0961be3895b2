/**
 * Half and bfloat16 numbers as stored in weight files. Half goes through the engine's own `Float16Array` (2 to 3 ns a
 * value, round to nearest even); bfloat16 is the upper half of a float32. Many at once: `simd/memory.ts`.
 * @module
 */
/** Float32 values of IEEE half numbers given by their bits; `[n]` to `[n]`, exact. */
export function halfToFloat32(bits: Uint16Array<ArrayBuffer>, out: Float32Array): void {
  out.set(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
}

/** Bits of the nearest IEEE half numbers, ties to even; above 65504 infinity; `[n]` to `[n]`. */
export function float32ToHalf(values: Float32Array, out: Uint16Array<ArrayBuffer>): void {
  new Float16Array(out.buffer, out.byteOffset, out.length).set(values);
}

/**
 * Bits of the nearest bfloat16 numbers, ties to even, NaN made quiet, as PyTorch and ggml round; `[n]` to `[n]`.
 */
export function float32ToBfloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    // Rounding up the largest mantissas of a NaN would carry into the sign.
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    out[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
}
