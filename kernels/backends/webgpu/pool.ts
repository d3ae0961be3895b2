/**
 * Device memory, reused by size class: rows of different lengths take the same buffers, so their number is flat over steps.
 * @module
 */
import { sizeClass } from "../onnx/memory.ts";

/** `GPUBufferUsage` by value, because the global is absent where WebGPU is. */
export const USAGE = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 } as const;

/** Free lists of GPU buffers by size class. */
export class GpuPool {
  readonly #device: GPUDevice;
  readonly #usage: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #all = new Set<GPUBuffer>();
  #bytes = 0;

  constructor(device: GPUDevice, usage: number) {
    this.#device = device;
    this.#usage = usage;
  }

  /** Buffers that exist, free ones included. */
  get count(): number {
    return this.#all.size;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A buffer of at least this many bytes; its content is whatever was there.
   * @throws {RangeError} If the device allows no buffer of that size.
   */
  take(bytes: number): GPUBuffer {
    const limit = this.#device.limits.maxBufferSize;
    const size = Math.min(sizeClass(Math.max(16, bytes)), Math.floor(limit / 256) * 256);
    if (bytes > size) {
      throw new RangeError(
        `Cannot hold a tensor of ${bytes} bytes: a buffer of this device has at most ${limit}; ` +
          `use a smaller model or a lower cutoff_len, or another backend`,
      );
    }
    const buffer = this.#free.get(size)?.pop();
    if (buffer) return buffer;
    const made = this.#device.createBuffer({ size, usage: this.#usage });
    this.#all.add(made);
    this.#bytes += size;
    return made;
  }

  /** Takes a buffer back. Work already submitted with it is done before any later use, as the queue is in order. */
  give(buffer: GPUBuffer): void {
    const list = this.#free.get(buffer.size);
    if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Destroys every buffer. */
  destroy(): void {
    for (const buffer of this.#all) buffer.destroy();
    this.#all.clear();
    this.#free.clear();
    this.#bytes = 0;
  }
}
