/**
 * The frozen matrices that are kept as float16, and their values there. Arithmetic stays float32; a product reads half the bytes.
 *
 * A float16 has 11 significant bits from 2⁻¹⁴ to 65504, so every bfloat16 (8 bits) and every float16 of that range is held
 * exactly. Below, float16s are 2⁻²⁴ apart, so the nearest one is off by at most 2⁻²⁵; a bfloat16 of at least 2⁻¹⁷, whose last
 * bit is worth 2⁻²⁴ or more, is still exact.
 * @module
 */

/** `exact`: matrices that float16 holds; `rounded`: all but those with values it can't reach; `none`. */
export type HalfStorage = "exact" | "rounded" | "none";

/** Largest finite float16. */
export const LARGEST_HALF = 65504;
/** Smallest float16 with all of its 11 bits. */
const SMALLEST_NORMAL = 2 ** -14;
/** A matrix of smaller numbers than this could lose all of its bits below {@linkcode SMALLEST_NORMAL} without a word. */
const LEAST_LARGEST = 2 ** -10;

/**
 * The values as float16, or null where float32 is needed. An odd count gets a zero behind it, because buffers are written by fours.
 *
 * With `exact`, every value of at least 2⁻¹⁴ is the same number afterwards, smaller ones are off by at most 2⁻²⁵, and the
 * largest is at least 2⁻¹⁰, so that no error is above 2⁻¹⁵ of it. Matrices of a bfloat16 or float16 file are so; those of a
 * float32 file, dequantised or merged ones aren't.
 */
export function toHalf(
  values: Float32Array,
  storage: HalfStorage,
): Float16Array<ArrayBuffer> | null {
  if (storage === "none") return null;
  const half = new Float16Array(2 * Math.ceil(values.length / 2));
  let largest = 0;
  let i = 0;
  for (const value of values) {
    const size = Math.abs(value);
    half[i] = value;
    // NaN compares false too.
    if (!(size <= LARGEST_HALF)) return null;
    if (storage === "exact" && size >= SMALLEST_NORMAL && half[i] !== value) return null;
    i++;
    if (size > largest) largest = size;
  }
  return storage === "exact" && largest < LEAST_LARGEST ? null : half;
}
