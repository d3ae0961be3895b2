/**
 * Tensors of the ONNX Runtime backend: in the host's memory, or in an execution provider's.
 * @module
 */
import type { HostArray, Tensor } from "../../backend.ts";
import { type Extent, extentOf } from "../indices.ts";
import type { OrtTensor } from "./c_api/mod.ts";
import type { BufferPool } from "./memory.ts";

/** A tensor of the backend. */
export type OnnxTensor = HostTensor | ProviderTensor;

/** A host array and the library's view of it. */
export class HostTensor implements Tensor {
  readonly type: "f32" | "i32";
  #pool: BufferPool | null;
  #view: object | null = null;

  constructor(readonly data: HostArray, readonly shape: readonly number[], pool: BufferPool | null) {
    this.type = data instanceof Int32Array ? "i32" : "f32";
    this.#pool = pool;
  }

  /** Smallest and largest value. */
  get extent(): Extent | null {
    return extentOf(this.data);
  }

  /** The library's view, made when it is first asked for. A tensor is used in one way only. */
  view<T extends object>(make: (tensor: HostTensor) => T): T {
    return (this.#view ??= make(this)) as T;
  }

  dispose(): void {
    const view = this.#view as Partial<Disposable> | null;
    view?.[Symbol.dispose]?.();
    this.#view = null;
    this.#pool?.give(this.data.buffer);
    this.#pool = null;
  }
}

/** A tensor that only the provider sees. */
export class ProviderTensor implements Tensor {
  /** Of integers, which are checked before they choose rows; they come from the host, so they are known. */
  extent: Extent | null = null;
  #bytes: OrtTensor | null = null;

  /** @param among Everything that its store holds. */
  constructor(
    readonly type: "f32" | "i32",
    readonly value: OrtTensor,
    private readonly among: Set<OrtTensor>,
  ) {}

  get shape(): readonly number[] {
    return this.value.shape;
  }

  /** Its memory as bytes, a view made when it is first asked for. */
  bytes(make: (value: OrtTensor) => OrtTensor): OrtTensor {
    if (!this.#bytes) this.among.add(this.#bytes = make(this.value));
    return this.#bytes;
  }

  dispose(): void {
    if (this.#bytes) {
      this.among.delete(this.#bytes);
      this.#bytes.dispose();
    }
    this.among.delete(this.value);
    this.value.dispose();
  }
}
