/**
 * Host memory for tensors, reused by size class so that rows of different lengths don't each leave their own garbage.
 * @module
 */

/** Bytes rounded up to one of eight steps per power of two: at most 12.5 % is unused. */
export function sizeClass(bytes: number): number {
  if (bytes <= 4096) return 4096;
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}

/** Free lists of buffers by size class. */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #held = 0;

  /** Bytes that were ever allocated and not dropped: flat over training steps. */
  get heldBytes(): number {
    return this.#held;
  }

  /** A buffer of at least this many bytes; its content is whatever was there. */
  take(bytes: number): ArrayBuffer {
    const size = sizeClass(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer) return buffer;
    this.#held += size;
    return new ArrayBuffer(size);
  }

  give(buffer: ArrayBuffer): void {
    const list = this.#free.get(buffer.byteLength);
    if (list) list.push(buffer);
    else this.#free.set(buffer.byteLength, [buffer]);
  }

  /** Forgets all free buffers. */
  clear(): void {
    for (const [size, list] of this.#free) this.#held -= size * list.length;
    this.#free.clear();
  }
}
