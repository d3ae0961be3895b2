/**
 * Tensors in the host's memory. The CPU's provider computes there; what another one reads and writes is copied in each run.
 * @module
 */
import { elements, type HostArray } from "../../backend.ts";
import { BufferPool } from "./memory.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

/** Where tensors of a backend lie. */
export interface TensorStore {
  /** Whether that is the host's memory. */
  readonly hostMemory: boolean;
  /** A tensor of undefined content. */
  allocate(shape: readonly number[], type: "f32" | "i32"): OnnxTensor;
  /** A tensor of an array's values; there are as many as the shape has elements. */
  upload(data: HostArray, shape: readonly number[]): OnnxTensor;
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

  allocate(shape: readonly number[], type: "f32" | "i32"): HostTensor {
    const count = elements(shape), buffer = this.#pool.take(count * 4);
    const data = type === "i32" ? new Int32Array(buffer, 0, count) : new Float32Array(buffer, 0, count);
    return new HostTensor(data, shape, this.#pool);
  }

  upload(data: HostArray, shape: readonly number[]): HostTensor {
    return new HostTensor(data, shape, null);
  }

  zeros(shape: readonly number[], type: "f32" | "i32"): HostTensor {
    const tensor = this.allocate(shape, type);
    tensor.data.fill(0);
    return tensor;
  }

  download(tensor: OnnxTensor): HostArray {
    return this.onHost(tensor).data;
  }

  write(tensor: OnnxTensor, data: HostArray): void {
    const { data: own } = this.onHost(tensor);
    if (data !== own) own.set(data);
  }

  onHost(tensor: OnnxTensor): HostTensor {
    if (tensor instanceof HostTensor) return tensor;
    throw new TypeError(`Cannot use a tensor of shape [${tensor.shape}]: another backend made it`);
  }

  dispose(): void {
    this.#pool.clear();
  }
}
