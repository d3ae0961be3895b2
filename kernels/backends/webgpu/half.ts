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
// The rest by bits of float32, whose order is that of the numbers without their signs.
const LARGEST = bitsOf(LARGEST_HALF);
/** The smallest float16 with all of its 11 bits. */
const SMALLEST_NORMAL = bitsOf(2 ** -14);
/** A matrix of smaller numbers than this could lose all of its bits below the smallest normal one without a word. */
const LEAST_LARGEST = bitsOf(2 ** -10);
/** All but the sign. */
const SIZE = 0x7fffffff;
/** Bits that a float16 of full precision hasn't. */
const BELOW_HALF = 0x1fff;
/** Bits that a bfloat16 hasn't. */
const BELOW_BFLOAT = 0xffff;

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

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
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let largest = 0, used = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!, size = word & SIZE;
    used |= word;
    if (size > largest) largest = size;
    if ((word & BELOW_HALF) !== 0 && storage === "exact" && size >= SMALLEST_NORMAL) return null;
  }
  // NaN and infinity are larger, too.
  if (largest > LARGEST || storage === "exact" && largest < LEAST_LARGEST) return null;
  const half = new Float16Array(2 * Math.ceil(values.length / 2));
  if ((used & BELOW_BFLOAT) !== 0) {
    half.set(values);
    return half;
  }
  const bits = new Uint16Array(half.buffer), table = halvesOfBfloats();
  for (let i = 0; i < words.length; i++) bits[i] = table[words[i]! >>> 16]!;
  return half;
}

let halves: Uint16Array | null = null;

/** Bits of the nearest float16 by the bits of a bfloat16: ten times as fast as converting each, which kept loading at 0.2 GB/s. */
function halvesOfBfloats(): Uint16Array {
  if (halves) return halves;
  const floats = Float32Array.from(
    new Float32Array(Uint32Array.from({ length: 65536 }, (_, i) => i << 16).buffer),
  );
  return halves = new Uint16Array(Float16Array.from(floats).buffer);
}
