/**
 * Tensors of the ONNX Runtime backend: host memory.
 * @module
 */
import * as ort from "onnxruntime-node";
import type { HostArray, Tensor } from "../../backend.ts";
import type { BufferPool } from "./memory.ts";

/** A host array and the library's view of it. */
export class OnnxTensor implements Tensor {
  readonly type: "f32" | "i32";
  readonly handle: ort.Tensor;
  #pool: BufferPool | null;

  constructor(readonly data: HostArray, readonly shape: readonly number[], pool: BufferPool | null) {
    this.type = data instanceof Int32Array ? "i32" : "f32";
    this.handle = new ort.Tensor(this.type === "i32" ? "int32" : "float32", data, shape);
    this.#pool = pool;
  }

  dispose(): void {
    this.#pool?.give(this.data.buffer);
    this.#pool = null;
  }
}
