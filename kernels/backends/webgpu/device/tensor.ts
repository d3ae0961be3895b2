/**
 * A tensor in a GPU buffer.
 * @module
 */
import { elements, type Tensor } from "../../../backend.ts";
import type { Extent } from "../../indices.ts";
import type { BufferPlace, GpuPool } from "./pool.ts";

/** Elements whose multiples a part may begin at: bindings do at 256 bytes. */
const ALIGNED = 64;

/** Bytes of `count` elements in a buffer, whose copies and bindings are whole numbers of 4. */
export function bytesOf(count: number, half: boolean): number {
  return half ? 4 * Math.ceil(count / 2) : 4 * count;
}

interface GpuValues {
  shape: readonly number[];
  type: "f32" | "i32";
  half?: boolean;
  owns?: boolean;
}

/** A tensor in a pooled buffer that may be larger than the tensor. */
export class GpuTensor implements Tensor {
  /** Smallest and largest of the values where they are integers that the host gave. */
  extent: Extent | null = null;
  #place: BufferPlace | null;

  readonly shape: readonly number[];
  readonly type: "f32" | "i32";
  /** True if the values lie there as float16. */
  readonly half: boolean;
  /** False if it is a part of another one, to which the memory belongs. */
  readonly owns: boolean;

  private constructor(readonly pool: GpuPool, place: BufferPlace, values: GpuValues) {
    this.#place = place;
    this.shape = values.shape;
    this.type = values.type;
    this.half = values.half ?? false;
    this.owns = values.owns ?? true;
  }

  /** Takes memory; its content is undefined. */
  static allocate(pool: GpuPool, shape: readonly number[], type: "f32" | "i32"): GpuTensor {
    const buffer = pool.take(bytesOf(elements(shape), false), shape);
    return new GpuTensor(pool, pool.placeOf(buffer), { shape, type });
  }

  /** Takes memory for float32s, or float16s, that stay as long as the model. */
  static lasting(pool: GpuPool, shape: readonly number[], half: boolean): GpuTensor {
    const buffer = pool.take(bytesOf(elements(shape), half), shape, true);
    return new GpuTensor(pool, pool.placeOf(buffer), { shape, type: "f32", half });
  }

  /**
   * Part of a tensor of float32s, from an element on.
   * @throws {RangeError} If the element isn't a multiple of 64, or the whole has fewer behind it.
   */
  static partOf(whole: GpuTensor, first: number, shape: readonly number[]): GpuTensor {
    const { pool, buffer, type } = whole, last = first + elements(shape);
    if (first % ALIGNED !== 0 || last > elements(whole.shape)) {
      throw new RangeError(
        `Cannot take elements ${first} to ${last} of a tensor as a part: it has ${
          elements(whole.shape)
        }, and parts begin at multiples of ${ALIGNED}`,
      );
    }
    return new GpuTensor(pool, pool.partOf(buffer, 4 * first), { shape, type, owns: false });
  }

  /** Bytes of the values. */
  get bytes(): number {
    return bytesOf(elements(this.shape), this.half);
  }

  /** @throws {Error} If the tensor was disposed. */
  get place(): BufferPlace {
    if (!this.#place) throw new Error(`Cannot use a tensor of shape [${this.shape}]: it was disposed`);
    return this.#place;
  }

  /** Of {@linkcode GpuTensor.place}. */
  get buffer(): GPUBuffer {
    return this.place.buffer;
  }

  dispose(): void {
    if (this.#place && this.owns) this.pool.give(this.#place.buffer);
    this.#place = null;
  }
}
