/**
 * Numbers of a tensor piece by piece, in the form that its file has them: who puts them elsewhere needs neither the whole tensor nor
 * its float32 in memory.
 * @module
 */
import type { RandomAccessFile } from "./random_access.ts";

/** Bytes of a piece at most: small enough for a processor's cache, where it is changed and copied on. */
export const PIECE_BYTES = 1 << 20;

/** A tensor's numbers, row-major. */
export interface FloatPieces {
  /** Form of a number. */
  readonly type: "f32" | "f16" | "bf16";
  /** Number of them. */
  readonly count: number;
  /**
   * Bytes of consecutive numbers, from the first one on, an even number of them but for the last piece. A piece is the taker's,
   * to change as well, until the next one of the same file is asked for, which uses its memory again.
   * @throws {SyntaxError} If the file ends before
   */
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** All of them as float32, a fresh array. */
  float32(): Float32Array<ArrayBuffer>;
}

/** Types of numbers that are handed on as they are, by the names that files give them. */
export const PLAIN_FLOATS: Readonly<Record<string, FloatPieces["type"]>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
};

/** Consecutive parts of `[offset, offset + length)` of a file, in the memory of `scratch`. */
export function* filePieces(
  file: RandomAccessFile,
  offset: number,
  length: number,
  scratch: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let done = 0; done < length; done += scratch.length) {
    const piece = scratch.subarray(0, Math.min(scratch.length, length - done));
    file.readInto(offset + done, piece);
    yield piece;
  }
}

/**
 * Pieces of numbers that are read as float32 anyway.
 * @param count Number of them
 */
export function floatPieces(count: number, float32: () => Float32Array<ArrayBuffer>): FloatPieces {
  return { type: "f32", count, float32, pieces: () => whole(float32()) };
}

function* whole(
  { buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let done = 0; done < byteLength; done += PIECE_BYTES) {
    yield new Uint8Array(buffer, byteOffset + done, Math.min(PIECE_BYTES, byteLength - done));
  }
}

/** Numbers of 16 bits as they are, a fresh array. */
export function wholeBits({ count, pieces }: FloatPieces): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(count), bytes = new Uint8Array(bits.buffer);
  let start = 0;
  for (const piece of pieces()) {
    bytes.set(piece, start);
    start += piece.length;
  }
  return bits;
}
