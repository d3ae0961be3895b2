/**
 * Tensors of the ONNX Runtime backend: in the host's memory, or in an execution provider's.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { wholeFloats } from "../../../formats/float_pieces.ts";
import type { HostArray, Tensor } from "../../backend.ts";
import type { HalfType, WidenedType } from "../../onnx_node.ts";
import { type BlockForm, type BlockTiles, isBlockForm, tileFloats } from "../../native/mod.ts";
import { type Extent, extentOf } from "../indices.ts";
import type { OrtTensor } from "./c_api/mod.ts";
import type { BufferPool } from "./memory.ts";

/** A tensor of the backend. */
export type OnnxTensor = HostTensor | ProviderTensor;

/** Form of elements in memory; floats of 16 bits are float32 to everybody else. */
export type StoredType = "f32" | "i32" | HalfType;

const HOST_ARRAYS = [Float32Array, Int32Array];

/** A host array and the library's view of it. */
export class HostTensor implements Tensor {
  readonly type: "f32" | "i32";
  readonly stored: StoredType | WidenedType;
  #pool: BufferPool | null;
  #view: object | null = null;

  /**
   * @param form Of floats of 16 bits, or of blocks in tiles; null where `data` has other numbers.
   * @throws {TypeError} If one is there without the other
   */
  constructor(
    readonly data: HostArray | Uint16Array<ArrayBuffer> | BlockTiles,
    readonly shape: readonly number[],
    pool: BufferPool | null,
    readonly form: WidenedType | null = null,
  ) {
    const holds = form === null ? HOST_ARRAYS : [isBlockForm(form) ? Uint8Array : Uint16Array];
    if (!holds.some((type) => data instanceof type)) {
      throw new TypeError(
        `Cannot make a tensor of shape [${shape}]: ${data.constructor.name} isn't ${
          form ?? "float32 or int32"
        }`,
      );
    }
    this.type = data instanceof Int32Array ? "i32" : "f32";
    this.stored = form ?? this.type;
    this.#pool = pool;
  }

  /** Its numbers; floats of 16 bits and blocks as float32, a fresh array. */
  get values(): HostArray {
    const { data, shape, form } = this;
    if (data instanceof Uint8Array) return tileFloats(data, shape, form as BlockForm);
    return data instanceof Uint16Array ? wholeFloats(data, form as HalfType) : data;
  }

  /** Rows `[ids, columns]` of a matrix of floats, a fresh array. */
  rows(ids: Int32Array): Float32Array<ArrayBuffer> {
    const { data, form } = this, width = item(this.shape, 1);
    const found = new Float32Array(ids.length * width),
      whole = data instanceof Uint16Array ? data : this.values;
    ids.forEach((id, row) => {
      const own = whole.subarray(id * width, (id + 1) * width);
      found.set(own instanceof Uint16Array ? wholeFloats(own, form as HalfType) : own, row * width);
    });
    return found;
  }

  /** Smallest and largest value. */
  get extent(): Extent | null {
    const { data } = this;
    return data instanceof Uint16Array || data instanceof Uint8Array ? null : extentOf(data);
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

  get stored(): StoredType {
    const { type } = this.value;
    return type === "f16" || type === "bf16" ? type : this.type;
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
