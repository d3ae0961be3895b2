/**
 * The frozen matrices that are kept as float16, and their values there. Arithmetic stays float32; a product reads half the bytes.
 *
 * A float16 has 11 significant bits from 2⁻¹⁴ to 65504, so every bfloat16 (8 bits) and every float16 of that range is held
 * exactly. Below, float16s are 2⁻²⁴ apart, so the nearest one is off by at most 2⁻²⁵; a bfloat16 of at least 2⁻¹⁷, whose last
 * bit is worth 2⁻²⁴ or more, is still exact.
 * @module
 */
import { i32, u16, u32 } from "../../../formats/elements.ts";
import type { FloatPieces } from "../../../formats/float_pieces.ts";
import { float32ToHalf } from "../../../formats/float.ts";

/** `exact`: matrices that float16 holds; `rounded`: all but those with values it can't reach; `none`. */
export type HalfStorage = "exact" | "rounded" | "none";

/** Float16 storage on a device: how, or why not, and how many frozen matrices are kept so. */
export interface Half {
  /** How. */
  storage: HalfStorage;
  /** Reason of `none`. */
  why: string;
  /** Frozen matrices kept as float16. */
  kept: number;
  /** All frozen matrices. */
  frozen: number;
}

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
 * Makes float16 of a matrix piece by piece.
 *
 * With `exact`, every value of at least 2⁻¹⁴ is the same number afterwards, smaller ones are off by at most 2⁻²⁵, and the
 * largest is at least 2⁻¹⁰, so that no error is above 2⁻¹⁵ of it. Matrices of a bfloat16 or float16 file are so; those of a
 * float32 file, dequantised or merged ones aren't.
 */
export class Halving {
  /** Whether a number of at least 2⁻¹⁰ was among the pieces. */
  #large = false;
  #out = new Uint16Array(0);

  constructor(
    private readonly type: FloatPieces["type"],
    private readonly storage: Exclude<HalfStorage, "none">,
  ) {}

  /**
   * A piece as float16: of 16 bits in its own memory, else in memory that the next one uses again. Null where float16 doesn't hold it.
   * An odd count gets a zero behind it, because buffers are written by fours.
   */
  piece(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    if (this.type === "f32") return this.#floats(bytes);
    const even = byFours(bytes), words = new Int32Array(even.buffer, even.byteOffset, even.length / 4);
    const large = this.type === "bf16" ? bfloatsToHalves(words) : checkedHalves(words);
    this.#large ||= large === true;
    return large === null ? null : even;
  }

  /** Whether float16 holds the matrix, when every piece was taken. */
  get holds(): boolean {
    return this.#large || this.storage === "rounded";
  }

  #floats(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), { length } = words;
    const exact = this.storage === "exact";
    let largest = 0, used = 0;
    for (let i = 0; i < length; i++) {
      const word = u32(words, i), size = word & SIZE;
      used |= word;
      if (size > largest) largest = size;
      if ((word & BELOW_HALF) !== 0 && exact && size >= SMALLEST_NORMAL) return null;
    }
    // NaN and infinity are larger, too.
    if (largest > LARGEST) return null;
    this.#large ||= largest >= LEAST_LARGEST;
    const count = 2 * Math.ceil(length / 2);
    if (this.#out.length < count) this.#out = new Uint16Array(count);
    const out = this.#out.subarray(0, count);
    if (length < count) out[length] = 0;
    if ((used & BELOW_BFLOAT) !== 0) {
      float32ToHalf(new Float32Array(bytes.buffer, bytes.byteOffset, length), out.subarray(0, length));
    } else {
      const table = halvesOfBfloats();
      for (let i = 0; i < length; i++) out[i] = u16(table, u32(words, i) >>> 16);
    }
    return new Uint8Array(out.buffer, 0, out.byteLength);
  }
}

/** The same bytes, or a copy with two zeros behind it where words of 4 bytes can't lie over them. */
function byFours(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length % 4 === 0 && bytes.byteOffset % 4 === 0) return bytes;
  const all = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  all.set(bytes);
  return all;
}

/** {@linkcode Halving} of a whole matrix: null where float32 is needed. */
export function toHalf(
  values: Float32Array<ArrayBuffer>,
  storage: HalfStorage,
): Float16Array<ArrayBuffer> | null {
  if (storage === "none") return null;
  const halving = new Halving("f32", storage);
  const half = halving.piece(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return half && halving.holds ? new Float16Array(half.buffer, half.byteOffset, half.length / 2) : null;
}

// Two numbers of 16 bits in a word are looked at together; the constants below have the same bits for both. No sum carries from the
// lower one to the upper one, and a difference that borrows leaves bits of OUTSIDE in the lower one.
const SIGNS = 0x80008000 | 0;
const SIZES = 0x7fff7fff;
/** Bits of 2⁻¹⁴ as bfloat16. */
const NORMAL_BFLOAT = 0x38803880;
/** Added, it brings a difference to NORMAL_BFLOAT of 30 exponents (65536) or more to a bit of OUTSIDE. */
const TOO_LARGE = 0x01000100;
const OUTSIDE = 0xf000f000 | 0;
/** Bits that a difference to NORMAL_BFLOAT has from 2⁻¹⁰ on. */
const LARGE_BFLOAT = 0x0e000e00;
/** Bits of 2⁻¹⁴ as float16 where a bfloat16 has them. */
const NORMAL_HALF = 0x00800080;
/** Added, it brings the bits of a float16 to the place of its sign: from 2⁻¹⁰, from infinity on. */
const TO_LARGE = 0x6c006c00, TO_INFINITY = 0x04000400;

/**
 * Writes float16 over bfloat16: a number from 2⁻¹⁴ to 65280 loses three bits of its exponent, for three zeros behind its bits; others are
 * looked up. Four at a time, with one branch. Tried beside it (GB/s of one thread, least of 60): by words 1.6, by four
 * words 2.3, by two 2.3 to 2.7.
 * @returns Whether one is at least 2⁻¹⁰; null: one is larger than 65504, or none
 */
function bfloatsToHalves(words: Int32Array): boolean | null {
  let seen = 0, large = 0, over = 0;
  const table = halvesOfBfloats(),
    pair = (word: number) => u16(table, word & 0xffff) | u16(table, word >>> 16) << 16;
  const look = (halves: number) => {
    const sizes = halves & SIZES;
    over |= sizes + TO_INFINITY;
    large |= sizes + TO_LARGE;
    return halves;
  };
  const even = words.length & ~1;
  for (let i = 0; i < even; i += 2) {
    const a = i32(words, i), b = i32(words, i + 1);
    const x = ((a & SIZES) - NORMAL_BFLOAT) | 0, y = ((b & SIZES) - NORMAL_BFLOAT) | 0;
    if (((x | (x + TOO_LARGE) | y | (y + TOO_LARGE)) & OUTSIDE) !== 0) {
      words[i] = look(pair(a));
      words[i + 1] = look(pair(b));
    } else {
      seen |= x | y;
      words[i] = ((x + NORMAL_HALF) << 3) | (a & SIGNS);
      words[i + 1] = ((y + NORMAL_HALF) << 3) | (b & SIGNS);
    }
  }
  if (even < words.length) words[even] = look(pair(i32(words, even)));
  return (over & SIGNS) !== 0 ? null : (seen & LARGE_BFLOAT) !== 0 || (large & SIGNS) !== 0;
}

/** Of float16: whether one is at least 2⁻¹⁰; null: one is infinite or none. */
function checkedHalves(words: Int32Array): boolean | null {
  let large = 0, over = 0;
  for (let i = 0; i < words.length; i++) {
    const sizes = i32(words, i) & SIZES;
    over |= sizes + TO_INFINITY;
    large |= sizes + TO_LARGE;
  }
  return (over & SIGNS) !== 0 ? null : (large & SIGNS) !== 0;
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
