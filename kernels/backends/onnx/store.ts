/**
 * Tensors in the host's memory. The CPU's provider computes there; what another one reads and writes is copied in each run.
 * @module
 */
import { checkWritten, elements, type HostArray } from "../../backend.ts";
import type { HalfType } from "../../onnx_node.ts";
import { OrtTensor } from "./c_api/mod.ts";
import type { HalfCasts } from "./half.ts";
import { BufferPool } from "./memory.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

/** Where tensors of a backend lie. */
export interface TensorStore {
  /** True if that is the host's memory. */
  readonly hostMemory: boolean;
  /** A tensor of undefined content. */
  allocate(shape: readonly number[], type: "f32" | "i32"): OnnxTensor;
  /** A tensor of an array's values; there are as many as the shape has elements. */
  upload(data: HostArray, shape: readonly number[]): OnnxTensor;
  /** A tensor of values rounded to 16 bits. @throws {RangeError} If that type can't hold what is computed with them. */
  uploadHalf(data: Float32Array<ArrayBuffer>, shape: readonly number[]): OnnxTensor;
  /** A tensor of values that have 16 bits already. */
  uploadBits(bits: Uint16Array<ArrayBuffer>, shape: readonly number[], type: HalfType): OnnxTensor;
  zeros(shape: readonly number[], type: "f32" | "i32"): OnnxTensor;
  /** A tensor's values; read only. */
  download(tensor: OnnxTensor): HostArray;
  /** Overwrites a tensor with as many values. */
  write(tensor: OnnxTensor, data: HostArray): void;
  /** The tensor on the host, itself or a copy. */
  onHost(tensor: OnnxTensor): HostTensor;
  dispose(): void;
}

/** Tensors over arrays. */
export class HostStore implements TensorStore {
  readonly hostMemory = true;
  readonly #pool = new BufferPool();

  /** @param half Absent: nothing is rounded to 16 bits. */
  constructor(private readonly half: HalfCasts | null = null) {}

  allocate(shape: readonly number[], type: "f32" | "i32"): HostTensor {
    const count = elements(shape), buffer = this.#pool.take(count * 4);
    const values = type === "i32" ? new Int32Array(buffer, 0, count) : new Float32Array(buffer, 0, count);
    return new HostTensor(values, shape, this.#pool);
  }

  upload(values: HostArray, shape: readonly number[]): HostTensor {
    return new HostTensor(values, shape, null);
  }

  uploadHalf(values: Float32Array<ArrayBuffer>, shape: readonly number[]): HostTensor {
    const casts = this.#casts(), rounded = new Uint16Array(values.length);
    using y = OrtTensor.over(casts.library, rounded, shape, casts.type);
    casts.round(values, shape, y);
    return new HostTensor(rounded, shape, null, casts.type);
  }

  uploadBits(bits: Uint16Array<ArrayBuffer>, shape: readonly number[], type: HalfType): HostTensor {
    return new HostTensor(bits, shape, null, type);
  }

  #casts(): HalfCasts {
    if (this.half) return this.half;
    throw new TypeError("Cannot use a tensor of 16 bits: this backend was made without them");
  }

  zeros(shape: readonly number[], type: "f32" | "i32"): HostTensor {
    const tensor = this.allocate(shape, type);
    tensor.data.fill(0);
    return tensor;
  }

  download(tensor: OnnxTensor): HostArray {
    return this.onHost(tensor).values;
  }

  write(tensor: OnnxTensor, data: HostArray): void {
    const { data: own, shape } = this.onHost(tensor);
    if (own instanceof Uint16Array || own instanceof Uint8Array) {
      throw new TypeError(`Cannot write to a tensor of shape [${shape}]: it is frozen`);
    }
    checkWritten(data.length, shape);
    if (data !== own) own.set(data);
  }

  onHost(tensor: OnnxTensor): HostTensor {
    if (tensor instanceof HostTensor) return tensor;
    throw new TypeError(`Cannot use a tensor of shape [${tensor.shape}]: another backend made it`);
  }

  dispose(): void {
    this.#pool.clear();
    this.half?.dispose();
  }
}
