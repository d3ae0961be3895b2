/**
 * Host memory for tensors, reused: rows of different lengths ask for sizes that differ a little each time, and fresh
 * memory costs a page fault every 4 kB (a quarter of a training step before buffers were reused).
 * @module
 */

/**
 * A free buffer may be this many times as large as what is asked for: rows of 229 to 1,165 tokens share one set of buffers then,
 * while a trained tensor of some kB, which stays, doesn't hold a buffer for activations of MB.
 */
const SLACK = 8;
const PAGE = 4096;

/** Bytes rounded up to one of four steps per power of two: at most a fifth is unused above a page. */
export function sizeClass(bytes: number): number {
  if (bytes <= PAGE) return PAGE;
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}

/** Free buffers by size. */
export class BufferPool {
  /** Ascending by size. */
  readonly #free: ArrayBuffer[] = [];
  #held = 0;

  /** Bytes of all buffers in use or free: flat over training steps. */
  get heldBytes(): number {
    return this.#held;
  }

  /** A buffer of at least this many bytes; its content is undefined. */
  take(bytes: number): ArrayBuffer {
    const index = this.#firstOfAtLeast(bytes), fit = this.#free[index];
    if (fit && fit.byteLength <= SLACK * bytes + PAGE) {
      this.#free.splice(index, 1);
      return fit;
    }
    this.#dropOutgrown(index, bytes);
    const size = sizeClass(bytes);
    this.#held += size;
    return new ArrayBuffer(size);
  }

  give(buffer: ArrayBuffer): void {
    this.#free.splice(this.#firstOfAtLeast(buffer.byteLength), 0, buffer);
  }

  /** Forgets all free buffers. */
  clear(): void {
    this.#held -= this.#free.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    this.#free.length = 0;
  }

  /** Rows got longer: as much as they need goes of what was outgrown, so that the pool follows the longest row and doesn't keep all lengths. */
  #dropOutgrown(end: number, bytes: number): void {
    let start = end, gone = 0;
    while (start > 0 && gone < bytes) gone += this.#free[--start]?.byteLength ?? 0;
    this.#free.splice(start, end - start);
    this.#held -= gone;
  }

  #firstOfAtLeast(bytes: number): number {
    let low = 0, high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const buffer = this.#free[middle];
      if (buffer && buffer.byteLength < bytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
