/**
 * Numbers of a tensor piece by piece, in the form that its file has them: who puts them elsewhere needs neither the whole tensor nor
 * its float32 in memory.
 * @module
 */
import { item } from "./elements.ts";
import type { RandomAccessFile } from "./random_access.ts";
import { giveVectorMemory, takeVectorMemory, VECTOR_BYTES, vectorMemoryOf } from "./simd/memory.ts";

/** Bytes of a piece at most: small enough for a processor's cache, where it is changed and copied on. */
export const PIECE_BYTES = VECTOR_BYTES;

/** ggml's quantised blocks that a tensor's numbers are made of, as its file has them. */
export interface StoredBlocks {
  /** ggml's name of their type, such as `Q4_K`. */
  readonly type: string;
  /** Bytes a block, an even number. */
  readonly blockBytes: number;
  /** Values a block, a multiple of 32. */
  readonly blockSize: number;
  /**
   * Consecutive blocks, from the first one on, a multiple of 8 of them but for the last piece, at even addresses, to read only. Each lies
   * there until the next one is asked for.
   * @throws {SyntaxError} If the file ends before
   */
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** Bytes of the float32s of whole blocks. */
  dequantize(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
}

/** A tensor's numbers, row-major. */
export interface FloatPieces {
  /** Form of a number. */
  readonly type: "f32" | "f16" | "bf16";
  /** Number of them. */
  readonly count: number;
  /**
   * Bytes of consecutive numbers, from the first one on, an even number of them but for the last piece. A piece is the taker's,
   * to change as well, until the next one is asked for, which uses its memory again. It lies where vector code can change it (simd/memory.ts).
   * @throws {SyntaxError} If the file ends before
   */
  pieces(): Iterable<Uint8Array<ArrayBuffer>>;
  /** Quantised blocks that `pieces` makes the numbers of; absent where the file has none, or rows too long for a piece. */
  readonly blocks?: StoredBlocks;
  /** All of them as float32, a fresh array. */
  float32(): Float32Array<ArrayBuffer>;
}

/** Types of numbers that are handed on as they are, by the names that files give them. */
export const PLAIN_FLOATS: Readonly<Record<string, FloatPieces["type"]>> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
};

/**
 * Consecutive parts of `[offset, offset + length)` of a file, where vector code can change them, each until the next one is asked for.
 * @param most Bytes of a part
 */
export function* filePieces(
  file: RandomAccessFile,
  offset: number,
  length: number,
  most = PIECE_BYTES,
): Generator<Uint8Array<ArrayBuffer>> {
  const memory = takeVectorMemory();
  try {
    for (let done = 0; done < length; done += most) {
      const piece = memory.bytes.subarray(0, Math.min(most, length - done));
      file.readInto(offset + done, piece);
      yield piece;
    }
  } finally {
    giveVectorMemory(memory);
  }
}

/**
 * Rows of a part of a file in another order, as {@linkcode filePieces} gives them. The part is read whole: rows apart would each be a call.
 * @param order The file's row for each one, all of one length
 * @throws {RangeError} If a row is longer than a part may be
 */
export function* rowPieces(
  file: RandomAccessFile,
  { offset, byteLength }: { readonly offset: number; readonly byteLength: number },
  order: ArrayLike<number>,
  most: number,
): Generator<Uint8Array<ArrayBuffer>> {
  const bytes = byteLength / order.length, rows = Math.floor(most / bytes);
  if (!(rows >= 1)) {
    throw new RangeError(`Cannot read rows of ${bytes} bytes in another order: ${most} are the most`);
  }
  const all = file.read(offset, byteLength), memory = takeVectorMemory();
  try {
    for (let first = 0; first < order.length; first += rows) {
      const count = Math.min(rows, order.length - first);
      for (let i = 0; i < count; i++) {
        const start = item(order, first + i) * bytes;
        memory.bytes.set(all.subarray(start, start + bytes), i * bytes);
      }
      yield memory.bytes.subarray(0, count * bytes);
    }
  } finally {
    giveVectorMemory(memory);
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

/** The float32s that numbers of 16 bits are, a fresh array. */
export function wholeFloats(
  { buffer, byteOffset, byteLength, length }: Uint16Array<ArrayBuffer>,
  type: "f16" | "bf16",
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(length), bytes = new Uint8Array(values.buffer);
  for (let start = 0; start < byteLength; start += PIECE_BYTES) {
    const piece = new Uint8Array(buffer, byteOffset + start, Math.min(PIECE_BYTES, byteLength - start));
    bytes.set(vectorMemoryOf(piece).widened(type, piece), 2 * start);
  }
  return values;
}
