/**
 * Tensors in an execution provider's memory, where they stay between runs. Values come and go by a program that copies: the
 * library moves its input or output to or from the host.
 * @module
 */
import { checkWritten, elements, type HostArray } from "../../backend.ts";
import type { HalfType } from "../../onnx_node.ts";
import { extentOf } from "../indices.ts";
import { OrtAllocator, type OrtLibrary, OrtMemory, OrtSession, OrtTensor } from "./c_api/mod.ts";
import { copySession, type HalfCasts } from "./half.ts";
import { type OnnxWay, providerHint, type SessionSettings } from "./sessions.ts";
import type { TensorStore } from "./store.ts";
import { HostTensor, type OnnxTensor, ProviderTensor, type StoredType } from "./tensor.ts";

/** Names of memories, as providers give them to theirs. */
const MEMORY = { cpu: "Cpu", cuda: "Cuda" } as const;

type MemoryProvider = keyof typeof MEMORY;

/** Tensors that stay with a provider. @throws {RangeError} If they can't. */
export function providerStore(
  { library }: OnnxWay,
  settings: SessionSettings,
  half: HalfCasts | null,
): TensorStore {
  const { provider } = settings;
  if (library && (provider === "cpu" || provider === "cuda")) {
    return new ProviderStore(library, provider, settings, half);
  }
  throw new RangeError(
    `Cannot keep tensors with ONNX Runtime provider "${provider}": that needs the library's C interface and cpu or cuda`,
  );
}

/** Tensors of one provider. */
class ProviderStore implements TensorStore {
  readonly hostMemory = false;
  readonly #library: OrtLibrary;
  /** Values in that memory: they are released before its allocator. */
  readonly #values = new Set<OrtTensor>();
  /** Made when first used: that a provider doesn't start is said then, as by a program. */
  #device:
    | { copies: Readonly<Record<"f32" | "i32", OrtSession>>; memory: OrtMemory; allocator: OrtAllocator }
    | null = null;

  constructor(
    library: OrtLibrary,
    private readonly provider: MemoryProvider,
    private readonly settings: SessionSettings,
    private readonly half: HalfCasts | null,
  ) {
    this.#library = library;
  }

  /** @throws {Error} If the provider can't start. */
  get #started() {
    return this.#device ??= this.#start();
  }

  #start() {
    const library = this.#library, { provider, settings } = this;
    try {
      const copy = (type: "f32" | "i32") => copySession(library, settings, type, type);
      const copies = { f32: copy("f32"), i32: copy("i32") },
        memory = new OrtMemory(library, MEMORY[provider]);
      return { copies, memory, allocator: new OrtAllocator(copies.f32, memory) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot use ONNX Runtime provider "${provider}"${providerHint(provider)}: ${reason}`, {
        cause: error,
      });
    }
  }

  allocate(shape: readonly number[], type: "f32" | "i32", stored: StoredType = type): ProviderTensor {
    const value = OrtTensor.allocated(this.#library, this.#started.allocator, shape, stored);
    this.#values.add(value);
    return new ProviderTensor(type, value, this.#values);
  }

  uploadHalf(data: Float32Array<ArrayBuffer>, shape: readonly number[]): ProviderTensor {
    const half = this.#casts(), tensor = this.allocate(shape, "f32", half.type);
    half.round(data, shape, tensor.value);
    return tensor;
  }

  /** @param type That of the store's casts. */
  uploadBits(bits: Uint16Array<ArrayBuffer>, shape: readonly number[], type: HalfType): ProviderTensor {
    const half = this.#casts(), tensor = this.allocate(shape, "f32", type);
    half.put(bits, shape, tensor.value);
    return tensor;
  }

  #casts(): HalfCasts {
    if (this.half) return this.half;
    throw new TypeError("Cannot use a tensor of 16 bits: this backend was made without them");
  }

  upload(data: HostArray, shape: readonly number[]): ProviderTensor {
    const tensor = this.allocate(shape, data instanceof Int32Array ? "i32" : "f32");
    this.write(tensor, data);
    return tensor;
  }

  zeros(shape: readonly number[], type: "f32" | "i32"): ProviderTensor {
    const count = elements(shape);
    return this.upload(type === "i32" ? new Int32Array(count) : new Float32Array(count), shape);
  }

  download(tensor: OnnxTensor): HostArray {
    const { type, stored, shape, value } = this.#own(tensor), count = elements(shape);
    if (this.half && stored !== type) return this.half.widen(value, count);
    const values = type === "i32" ? new Int32Array(count) : new Float32Array(count);
    using y = OrtTensor.over(this.#library, values, shape, type);
    this.#started.copies[type].run({ x: value }, { y });
    return values;
  }

  write(tensor: OnnxTensor, values: HostArray): void {
    const to = this.#own(tensor), { type, shape, value } = to;
    if (to.stored !== type) throw new TypeError(`Cannot write to a tensor of shape [${shape}]: it is frozen`);
    checkWritten(values.length, shape);
    if (values instanceof Int32Array) to.extent = extentOf(values);
    using x = OrtTensor.over(this.#library, values, shape, type);
    this.#started.copies[type].run({ x }, { y: value });
  }

  onHost(tensor: OnnxTensor): HostTensor {
    const { stored, type, shape, value } = this.#own(tensor), { half } = this;
    return half && stored !== type
      ? new HostTensor(half.fetch(value, elements(shape)), shape, null, half.type)
      : new HostTensor(this.download(tensor), shape, null);
  }

  #own(tensor: OnnxTensor): ProviderTensor {
    if (tensor instanceof ProviderTensor) return tensor;
    throw new TypeError(`Cannot use a tensor of shape [${tensor.shape}]: another backend made it`);
  }

  dispose(): void {
    if (!this.#device) return;
    const { allocator, memory, copies } = this.#device;
    for (const value of this.#values) value.dispose();
    this.#values.clear();
    for (const it of [allocator, memory, copies.f32, copies.i32]) it.dispose();
    this.half?.dispose();
    this.#device = null;
  }
}
