/**
 * Values as a tensor type holds them, without a file.
 * @module
 */
import { f64 } from "../elements.ts";
import { widened } from "../subnormal.ts";
import { encodeTensor, type GgufEncoding } from "./quantize.ts";
import { layoutOf } from "./writer.ts";

/** Values at a time, whole blocks. */
const CHUNK = 1 << 16;

/**
 * Rounds values in place, and makes sure that none moves further than its type's step allows: half a unit of the last of 11
 * (F16) or 8 (BF16) significant bits; half a step of max|x| / 127 (Q8_0), a whole one of max|x| / 8 (Q4_0: the end of the scale that has one code
 * less), with the rounding of the scale to a half. In a block of 256 a group of 32 or 16 values has its scale in 6 or 8 bits of the largest one's, and a search may leave its ends
 * outside: there it is a share of the block's largest that drawn values stay below.
 * @param values `[n]`; n a multiple of the types' blocks
 * @throws {RangeError} If a value has no place in the type, as beyond 65504 in F16
 */
export function roundInPlace(values: Float32Array<ArrayBuffer>, encoding: GgufEncoding): void {
  const { dequantize, blockSize } = layoutOf(encoding).layout;
  if (encoding === "F32" || dequantize === null) return;
  for (let start = 0; start < values.length; start += CHUNK) {
    const part = values.subarray(start, Math.min(values.length, start + CHUNK));
    const out = new Float32Array(dequantize(encodeTensor(part, encoding)).slice().buffer);
    const before = widened(part), after = widened(out);
    for (let first = 0; first < part.length; first += blockSize) {
      let most = 0;
      for (let i = first; i < first + blockSize; i++) most = Math.max(most, Math.abs(f64(before, i)));
      for (let i = first; i < first + blockSize; i++) {
        const value = f64(before, i), moved = Math.abs(f64(after, i) - value);
        if (moved <= stepOf(encoding, Math.abs(value), most)) continue;
        throw new RangeError(
          `Cannot hold ${value} as ${encoding} as it would become ${f64(after, i)}: take a wider number type`,
        );
      }
    }
    part.set(out);
  }
}

/** The largest change of a value of that size, in a block with that largest one. */
function stepOf(encoding: GgufEncoding, size: number, most: number): number {
  // of a scale below 2⁻¹⁴, 2⁻²⁵ at most, times the largest code
  switch (encoding) {
    case "F32":
      return 0;
    case "F16":
      return size * 2 ** -11 + 2 ** -25;
    case "BF16":
      return size * 2 ** -8 + 2 ** -134;
    case "Q8_0":
      return most / 253 + size * 2 ** -11 + 128 * 2 ** -25;
    case "Q4_0":
      return most / 7.99 + size * 2 ** -11 + 8 * 2 ** -25;
    case "Q5_0":
      return most / 15.99 + size * 2 ** -11 + 16 * 2 ** -25;
    case "Q5_1":
      return most / 28 + 32 * 2 ** -25;
    case "Q4_K":
      return most / 3.5 + 2 ** -15;
    case "Q5_K":
      return most / 7 + 2 ** -14;
    case "Q6_K":
      return most / 16 + 2 ** -13;
  }
}
