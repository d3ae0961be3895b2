/**
 * Device memory, reused by size class: rows of different lengths take the same buffers, so their number is flat over steps.
 * @module
 */
import { sizeClass } from "../onnx/memory.ts";

/** Bytes from which on a tensor that stays has a buffer of its own size. */
const LARGE = 65_536;

/** `GPUBufferUsage` by value, because the global is absent where WebGPU is. */
export const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const;

/**
 * Free lists of GPU buffers by size class. The free buffer that was made first is taken first, so that a step that takes as
 * the one before it gets the same buffers, and bind groups can be kept.
 */
export class GpuPool {
  readonly #device: GPUDevice;
  readonly #usage: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #numbers = new Map<GPUBuffer, number>();
  #bytes = 0;

  /** @param usage Of every buffer, {@linkcode USAGE}. */
  constructor(device: GPUDevice, usage: number) {
    this.#device = device;
    this.#usage = usage;
  }

  /** Buffers that exist, free ones included. */
  get count(): number {
    return this.#numbers.size;
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
          `current value is ${bytes}; use fp16: true, a smaller model or a lower cutoff_len, or another backend`,
      );
    }
    const buffer = this.#free.get(size)?.pop();
    if (buffer) return buffer;
    const made = this.#device.createBuffer({ size, usage: this.#usage });
    this.#numbers.set(made, this.#numbers.size);
    this.#bytes += size;
    return made;
  }

  /** A buffer's number, for keys. */
  numberOf(buffer: GPUBuffer): number {
    const number = this.#numbers.get(buffer);
    if (number === undefined) throw new Error("Cannot use a GPU buffer: it isn't of this device's memory");
    return number;
  }

  /** Takes a buffer back. Work already submitted with it is done before any later use, as the queue is in order. */
  give(buffer: GPUBuffer): void {
    const list = this.#free.get(buffer.size) ?? [], number = this.numberOf(buffer);
    if (list.length === 0) this.#free.set(buffer.size, list);
    // Descending, so that the lowest is popped first.
    const index = list.findIndex((other) => this.numberOf(other) < number);
    list.splice(index < 0 ? list.length : index, 0, buffer);
  }

  /** Destroys every buffer. */
  destroy(): void {
    for (const buffer of this.#numbers.keys()) buffer.destroy();
    this.#numbers.clear();
    this.#free.clear();
    this.#bytes = 0;
  }
}
