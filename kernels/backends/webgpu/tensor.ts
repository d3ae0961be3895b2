/**
 * A tensor in a GPU buffer.
 * @module
 */
import { elements, type Tensor } from "../../backend.ts";
import type { GpuPool } from "./pool.ts";

/** A tensor in a pooled buffer that may be larger than the tensor. */
export class GpuTensor implements Tensor {
  #buffer: GPUBuffer | null;

  private constructor(
    readonly pool: GpuPool,
    buffer: GPUBuffer,
    readonly shape: readonly number[],
    readonly type: "f32" | "i32",
  ) {
    this.#buffer = buffer;
  }

  /** Takes memory; its content is whatever was there. */
  static allocate(pool: GpuPool, shape: readonly number[], type: "f32" | "i32"): GpuTensor {
    return new GpuTensor(pool, pool.take(4 * elements(shape)), shape, type);
  }

  /** Bytes of the values. */
  get bytes(): number {
    return 4 * elements(this.shape);
  }

  /** @throws {Error} If the tensor was disposed. */
  get buffer(): GPUBuffer {
    if (!this.#buffer) throw new Error(`Cannot use a tensor of shape [${this.shape}]: it was disposed`);
    return this.#buffer;
  }

  dispose(): void {
    if (this.#buffer) this.pool.give(this.#buffer);
    this.#buffer = null;
  }
}
