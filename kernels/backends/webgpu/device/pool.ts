/**
 * Device memory, reused by size: rows of different lengths take the same buffers, so their number is flat over steps, and what was
 * outgrown goes, so that memory follows the longest pack and doesn't hold the sum of all lengths.
 * @module
 */
import { sizeClass } from "../../onnx/memory.ts";

/** Bytes from which on a tensor that stays has a buffer of its own size. */
const LARGE = 65_536;

/** A free buffer may be this many times as large as what is asked for: lengths within a power of two share one set of buffers. */
const SLACK = 2;
/** Memory that passes, free buffers included, stays below this many times the most that was in use at once (kernels/engine/pack_rows.ts asks for as much). */
const MOST_HELD = 2;

/** `GPUBufferUsage` by value, because the global is absent where WebGPU is. */
export const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const;

/** Where a tensor stands: a buffer of the pool from a byte on. */
export interface BufferPlace {
  readonly buffer: GPUBuffer;
  /** A multiple of 256. */
  readonly offset: number;
  /** Its own, so that a key by numbers means one set of places. */
  readonly number: number;
}

/** A buffer of the pool. */
interface Held {
  readonly buffer: GPUBuffer;
  /** Of the buffer, which is slow to ask for it. */
  readonly size: number;
  /** {@linkcode BufferPlace.number} of all of it; never given out again. */
  number: number;
  /** True if it stays as long as the model. */
  stays: boolean;
  /** Bytes that it is in use for. */
  used: number;
  /** {@linkcode GpuPool.submitted} calls before it was given back. */
  given: number;
}

/**
 * GPU buffers, in use and free. The smallest free buffer that is large enough is taken, of those the one that was made first, so that
 * a step that takes as the one before it gets the same buffers, and bind groups can be kept.
 */
export class GpuPool {
  readonly #device: GPUDevice;
  readonly #usage: number;
  /** Ascending by size, then by number. */
  readonly #free: Held[] = [];
  readonly #held = new Map<GPUBuffer, Held>();
  #made = 0;
  #submits = 0;
  #bytes = 0;
  /** Bytes of buffers that don't stay: in use, the most of it so far, and with free ones. */
  #live = 0;
  #most = 0;
  #passing = 0;

  /** @param usage Of every buffer, {@linkcode USAGE}. */
  constructor(device: GPUDevice, usage: number) {
    this.#device = device;
    this.#usage = usage;
  }

  /** Buffers that exist, free ones included. */
  get count(): number {
    return this.#held.size;
  }

  /** Size of all of them together, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A buffer of at least this many bytes; its content is undefined.
   * @param shape Of the tensor that it is for, for the error
   * @param stays True if it is for a tensor that lives as long as the model: a size class would waste up to a quarter of it
   * @throws {RangeError} If the device allows no buffer of that size.
   */
  take(bytes: number, shape?: readonly number[], stays = false): GPUBuffer {
    const limit = this.#device.limits.maxBufferSize;
    const wanted = stays && bytes >= LARGE ? 256 * Math.ceil(bytes / 256) : sizeClass(Math.max(16, bytes));
    const size = Math.min(wanted, Math.floor(limit / 256) * 256);
    if (bytes > size) {
      throw new RangeError(
        `Cannot hold a tensor${
          shape ? ` of shape [${shape.join(", ")}]` : ""
        }: a buffer of this device has at most ${limit} bytes: ` +
          `current value is ${bytes}; use a smaller model or another backend, in a training fp16: true or a lower cutoff_len`,
      );
    }
    const index = this.#firstFree(size, 0), fit = this.#free[index];
    const found = fit && fit.size <= (stays ? size : SLACK * size);
    if (found) this.#free.splice(index, 1);
    const held = found ? fit : this.#make(size, stays);
    held.used = held.stays ? 0 : size;
    this.#live += held.used;
    this.#most = Math.max(this.#most, this.#live);
    return held.buffer;
  }

  /** All of a buffer as a place. */
  placeOf(buffer: GPUBuffer): BufferPlace {
    return { buffer, offset: 0, number: this.#of(buffer).number };
  }

  /** A place in a buffer for something that lives as long as it. */
  partOf(buffer: GPUBuffer, offset: number): BufferPlace {
    return { buffer, offset, number: this.#made++ };
  }

  /** Takes a buffer back. Work already submitted with it is done before any later use, as the queue is in order. */
  give(buffer: GPUBuffer): void {
    const held = this.#of(buffer);
    held.given = this.#submits;
    this.#live -= held.used;
    this.#free.splice(this.#firstFree(held.size, held.number), 0, held);
  }

  /** Called when all commands that were recorded have been handed over: a free buffer may be destroyed only then. */
  submitted(): void {
    this.#submits++;
  }

  /** Destroys every buffer. */
  destroy(): void {
    for (const buffer of this.#held.keys()) buffer.destroy();
    this.#held.clear();
    this.#free.length = 0;
    this.#bytes =
      this.#live =
      this.#most =
      this.#passing =
        0;
  }

  #make(size: number, stays: boolean): Held {
    const most = MOST_HELD * Math.max(this.#most, this.#live + size);
    // What has been free for longest goes first.
    const free = this.#passing + size > most
      ? this.#free.filter(({ given }) => given < this.#submits).sort((a, b) => a.given - b.given)
      : [];
    for (const held of free) {
      if (this.#passing + size <= most) break;
      this.#drop(held);
    }
    const buffer = this.#device.createBuffer({ size, usage: this.#usage });
    const made = { buffer, size, number: this.#made++, stays, used: 0, given: 0 };
    this.#held.set(buffer, made);
    this.#bytes += size;
    if (!stays) this.#passing += size;
    return made;
  }

  #drop(held: Held): void {
    const { buffer, size, stays } = held;
    this.#free.splice(this.#free.indexOf(held), 1);
    this.#bytes -= size;
    if (!stays) this.#passing -= size;
    this.#held.delete(buffer);
    buffer.destroy();
  }

  /** Index of the first free buffer of at least this size, and of at least this number among those of the same. */
  #firstFree(size: number, number: number): number {
    let low = 0, high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1, held = this.#free[middle];
      if (held && (held.size < size || held.size === size && held.number < number)) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }

  #of(buffer: GPUBuffer): Held {
    const held = this.#held.get(buffer);
    if (!held) throw new Error("Cannot use a GPU buffer: it isn't of this device's memory");
    return held;
  }
}
