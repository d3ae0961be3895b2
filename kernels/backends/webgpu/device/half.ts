/**
 * The frozen matrices that are kept as float16, and their values there. Arithmetic stays float32; a product reads half the bytes.
 *
 * A float16 has 11 significant bits from 2⁻¹⁴ to 65504, so every bfloat16 (8 bits) and every float16 of that range is held
 * exactly. Below, float16s are 2⁻²⁴ apart, so the nearest one is off by at most 2⁻²⁵; a bfloat16 of at least 2⁻¹⁷, whose last
 * bit is worth 2⁻²⁴ or more, is still exact.
 * @module
 */
import { type FloatPieces, PIECE_BYTES } from "../../../../formats/float_pieces.ts";
import { vectorMemoryOf } from "../../../../formats/simd/memory.ts";

/** `exact`: matrices that float16 holds; `rounded`: all but those with values it can't reach; `none`. */
export type HalfStorage = "exact" | "rounded" | "none";

/** Float16 storage on a device: how, or why not, and how many frozen matrices are kept so. */
export interface Half {
  /** The rule; `none` where there is no such storage. */
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
/**
 * Bits of the largest number that float16 holds, and of 2⁻¹⁰, in each form: their order is that of the numbers without their signs. A matrix
 * of smaller numbers than that could lose all of its bits below the smallest normal one without a word.
 */
const SIZES: Readonly<Record<FloatPieces["type"], { most: number; large: number }>> = {
  f32: { most: 0x477fe000, large: 0x3a800000 },
  bf16: { most: 0x477f, large: 0x3a80 },
  f16: { most: 0x7bff, large: 0x1400 },
};

/**
 * Makes float16 of a matrix piece by piece.
 *
 * With `exact`, every value of at least 2⁻¹⁴ is the same number afterwards, smaller ones are off by at most 2⁻²⁵, and the
 * largest is at least 2⁻¹⁰, so that no error is above 2⁻¹⁵ of it. Matrices of a bfloat16 or float16 file are so; those of a
 * float32 file, dequantised or merged ones aren't.
 */
export class Halving {
  /** True if a number of at least 2⁻¹⁰ was among the pieces. */
  #large = false;

  constructor(
    private readonly type: FloatPieces["type"],
    private readonly storage: Exclude<HalfStorage, "none">,
  ) {}

  /**
   * A piece as float16, in memory that the next one uses again; one of 16 bits may be changed. Null where float16 doesn't hold it.
   * An odd count gets a zero behind it, because buffers are written by fours.
   */
  piece(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    const { type } = this, memory = vectorMemoryOf(bytes), exact = this.storage === "exact";
    const found = type === "f32" ? memory.narrowed(bytes, exact) : memory.halved(type, bytes);
    const { halves, largest } = found, { most, large } = SIZES[type];
    // NaN and infinity are larger, too.
    if (largest > most || ("isLossy" in found && found.isLossy)) return null;
    this.#large ||= largest >= large;
    return halves;
  }

  /** True if float16 holds the matrix, when every piece was taken. */
  get holds(): boolean {
    return this.#large || this.storage === "rounded";
  }
}

/** {@linkcode Halving} of a whole matrix: null where float32 is needed. */
export function toHalf(
  values: Float32Array<ArrayBuffer>,
  storage: HalfStorage,
): Float16Array<ArrayBuffer> | null {
  if (storage === "none") return null;
  const halving = new Halving("f32", storage), out = new Float16Array(2 * Math.ceil(values.length / 2));
  const all = new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    to = new Uint8Array(out.buffer);
  for (let done = 0; done < all.length; done += PIECE_BYTES) {
    const half = halving.piece(all.subarray(done, done + PIECE_BYTES));
    if (!half) return null;
    to.set(half, done / 2);
  }
  return halving.holds ? out : null;
}
