/**
 * A tensor in a GPU buffer.
 * @module
 */
import { elements, type Tensor } from "../../backend.ts";
import type { Extent } from "../indices.ts";
import type { GpuPool } from "./pool.ts";

/** Bytes of `count` elements in a buffer, whose copies and bindings are whole numbers of 4. */
export function bytesOf(count: number, half: boolean): number {
  return half ? 4 * Math.ceil(count / 2) : 4 * count;
}

/** A tensor in a pooled buffer that may be larger than the tensor. */
export class GpuTensor implements Tensor {
  /** Smallest and largest of the values where they are integers that the host gave. */
  extent: Extent | null = null;
  #buffer: GPUBuffer | null;

  private constructor(
    readonly pool: GpuPool,
    buffer: GPUBuffer,
    readonly shape: readonly number[],
    readonly type: "f32" | "i32",
    /** True if the values lie there as float16. */
    readonly half: boolean,
  ) {
    this.#buffer = buffer;
  }

  /** Takes memory; its content is undefined. */
  static allocate(pool: GpuPool, shape: readonly number[], type: "f32" | "i32"): GpuTensor {
    return new GpuTensor(pool, pool.take(bytesOf(elements(shape), false), shape), shape, type, false);
  }

  /** Takes memory for float32s, or float16s, that stay as long as the model. */
  static frozen(pool: GpuPool, shape: readonly number[], half: boolean): GpuTensor {
    return new GpuTensor(pool, pool.take(bytesOf(elements(shape), half), shape, true), shape, "f32", half);
  }

  /** Bytes of the values. */
  get bytes(): number {
    return bytesOf(elements(this.shape), this.half);
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
