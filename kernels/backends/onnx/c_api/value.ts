/**
 * Tensors of the C interface (OrtValue): over an array of ours without a copy, or in memory of an execution provider.
 * @module
 */
import { elements } from "../../../backend.ts";
import { OrtHandle } from "./handle.ts";
import { stringAt } from "./memory.ts";
import type { OrtLibrary } from "./library.ts";
import { checkStatus, created, memoryInfo } from "./status.ts";

/** Element types, by their numbers in ONNX. */
const TYPES = {
  f32: { code: 1, bytes: 4 },
  u8: { code: 2, bytes: 1 },
  i8: { code: 3, bytes: 1 },
  u16: { code: 4, bytes: 2 },
  i16: { code: 5, bytes: 2 },
  i32: { code: 6, bytes: 4 },
  i64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  f16: { code: 10, bytes: 2 },
  f64: { code: 11, bytes: 8 },
  u32: { code: 12, bytes: 4 },
  u64: { code: 13, bytes: 8 },
  bf16: { code: 16, bytes: 2 },
} as const;

/** Type of a tensor's elements. */
export type OrtType = keyof typeof TYPES;

/** Bytes of tensors of an element type and a shape. */
export function ortTensorBytes(type: OrtType, shape: readonly number[]): number {
  return TYPES[type].bytes * elements(shape);
}

/** Memory that outputs can be put into. */
export class OrtMemory extends OrtHandle {
  /** @param name As providers name theirs: "Cpu", "Cuda". */
  constructor({ api }: OrtLibrary, readonly name: string, readonly device: number = 0) {
    super(`the memory "${name}"`, api.ReleaseMemoryInfo);
    this.own(memoryInfo(api, name, device));
  }
}

/** Something to point at for tensors without elements, which have no address of their own. */
const NOTHING = new Uint8Array(new ArrayBuffer(64));

interface OrtValues {
  type: OrtType;
  shape: readonly number[];
  data: ArrayBufferView<ArrayBuffer> | null;
  memory: string;
}

/** A tensor that ONNX Runtime holds (`OrtValue`): its type, shape and bytes. */
export class OrtTensor extends OrtHandle {
  readonly type: OrtType;
  readonly shape: readonly number[];
  /** The array it lies over, null if the memory is the library's. Referenced here, so that it stays. */
  readonly data: ArrayBufferView<ArrayBuffer> | null;
  /** Name of the memory it lies in. */
  readonly memory: string;

  private constructor(private readonly library: OrtLibrary, pointer: Deno.PointerValue, values: OrtValues) {
    super(() => `a tensor of shape [${values.shape}]`, library.api.ReleaseValue);
    this.own(pointer);
    this.type = values.type;
    this.shape = values.shape;
    this.data = values.data;
    this.memory = values.memory;
  }

  /**
   * A tensor over an array, which runs read or write where it is. The array may be larger than the tensor. It must not be
   * transferred or resized as long as the tensor lives.
   * @throws {TypeError} If the array is too small for the shape, or a size isn't a whole number.
   */
  static over(
    library: OrtLibrary,
    data: ArrayBufferView<ArrayBuffer>,
    shape: readonly number[],
    type: OrtType,
  ): OrtTensor {
    const { sizes, rank } = dimensions(shape), bytes = ortTensorBytes(type, shape);
    const { api } = library, { buffer, byteOffset, byteLength } = data;
    if (byteLength < bytes) {
      throw new TypeError(
        `Cannot make a tensor of shape [${shape}] over ${byteLength} bytes: as ${type} it needs ${bytes}`,
      );
    }
    // Its buffer is asked for first: that moves a small array out of the heap whose objects change their addresses.
    const place = new Uint8Array(buffer, byteOffset, bytes);
    const pointer = created(
      api,
      () => `make a tensor of shape [${shape}]`,
      (out) =>
        api.CreateTensorWithDataAsOrtValue(
          library.host,
          Deno.UnsafePointer.of(bytes > 0 ? place : NOTHING),
          BigInt(bytes),
          sizes,
          rank,
          TYPES[type].code,
          out,
        ),
    );
    return new OrtTensor(library, pointer, { type, shape, data, memory: "Cpu" });
  }

  /** A tensor of undefined content in an allocator's memory. @throws {Error} If there isn't as much of it. */
  static allocated(
    library: OrtLibrary,
    allocator: OrtHandle & { readonly memory: OrtMemory },
    shape: readonly number[],
    type: OrtType,
  ): OrtTensor {
    const { api } = library, { sizes, rank } = dimensions(shape);
    const pointer = created(
      api,
      `allocate a tensor of shape [${shape}]`,
      (out) => api.CreateTensorAsOrtValue(allocator.pointer, sizes, rank, TYPES[type].code, out),
    );
    return new OrtTensor(library, pointer, { type, shape, data: null, memory: allocator.memory.name });
  }

  /**
   * The memory of a tensor seen as bytes, four to an element of its last axis of 32 bits. The tensor must outlive it.
   * @throws {TypeError} If elements have another size.
   */
  static asBytes(library: OrtLibrary, tensor: OrtTensor): OrtTensor {
    const { api } = library, action = `see a tensor of shape [${tensor.shape}] as bytes`;
    if (TYPES[tensor.type].bytes !== 4) {
      throw new TypeError(`Cannot ${action}: its elements are ${tensor.type}`);
    }
    const shape = tensor.shape.map((size, axis) => axis === tensor.shape.length - 1 ? 4 * size : size);
    const { sizes, rank } = dimensions(shape), count = BigInt(ortTensorBytes("u8", shape));
    const place = created(api, action, (out) => api.GetTensorMutableData(tensor.pointer, out));
    const memory = created(api, action, (out) => api.GetTensorMemoryInfo(tensor.pointer, out));
    const pointer = created(
      api,
      action,
      (out) => api.CreateTensorWithDataAsOrtValue(memory, place, count, sizes, rank, TYPES.u8.code, out),
    );
    return new OrtTensor(library, pointer, { type: "u8", shape, data: tensor.data, memory: tensor.memory });
  }

  /** Takes over a tensor that a run made. @throws {Error} If it isn't a tensor of a known type. */
  static of(library: OrtLibrary, pointer: Deno.PointerValue): OrtTensor {
    try {
      const { type, shape } = described(library, pointer);
      return new OrtTensor(library, pointer, {
        type,
        shape,
        data: null,
        memory: memoryName(library, pointer),
      });
    } catch (error) {
      library.api.ReleaseValue(pointer);
      throw error;
    }
  }

  /**
   * A copy of its bytes.
   * @throws {Error} If it lies on a device: a run whose output is bound to the host's memory brings it.
   */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = ortTensorBytes(this.type, this.shape), copy = new Uint8Array(length);
    if (this.data) {
      copy.set(new Uint8Array(this.data.buffer, this.data.byteOffset, length));
      return copy;
    }
    if (!this.memory.startsWith("Cpu")) {
      throw new Error(`Cannot read a tensor in the memory "${this.memory}": the host doesn't see it`);
    }
    const { api } = this.library;
    const place = created(api, "read a tensor", (out) => api.GetTensorMutableData(this.pointer, out));
    if (place && length) new Deno.UnsafePointerView(place).copyInto(copy);
    return copy;
  }
}

/** @throws {TypeError} If a size isn't a whole number from 0. */
function dimensions(shape: readonly number[]): { sizes: BigInt64Array<ArrayBuffer>; rank: bigint } {
  const sizes = new BigInt64Array(Math.max(1, shape.length));
  shape.forEach((size, axis) => {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new TypeError(`Cannot make a tensor of shape [${shape}]: sizes are whole numbers from 0`);
    }
    sizes[axis] = BigInt(size);
  });
  return { sizes, rank: BigInt(shape.length) };
}

function described(
  { api }: OrtLibrary,
  value: Deno.PointerValue,
): { type: OrtType; shape: readonly number[] } {
  const action = "see what a run gave";
  const typeAndShape = created(api, action, (out) => api.GetTensorTypeAndShape(value, out));
  try {
    const code = new Int32Array(1), rank = new BigUint64Array(1);
    checkStatus(api, action, api.GetTensorElementType(typeAndShape, code));
    checkStatus(api, action, api.GetDimensionsCount(typeAndShape, rank));
    const shape = new BigInt64Array(Math.max(1, Number(rank[0])));
    checkStatus(api, action, api.GetDimensions(typeAndShape, shape, rank[0] ?? 0n));
    const type = (Object.keys(TYPES) as OrtType[]).find((name) => TYPES[name].code === code[0]);
    if (!type) throw new TypeError(`Cannot take a tensor of ONNX element type ${code[0]}: it isn't known`);
    return { type, shape: Array.from(shape.subarray(0, Number(rank[0])), Number) };
  } finally {
    api.ReleaseTensorTypeAndShapeInfo(typeAndShape);
  }
}

function memoryName({ api }: OrtLibrary, value: Deno.PointerValue): string {
  const action = "see where a run put its output";
  const place = created(api, action, (out) => api.GetTensorMemoryInfo(value, out));
  return stringAt(created(api, action, (out) => api.MemoryInfoGetName(place, out)));
}
