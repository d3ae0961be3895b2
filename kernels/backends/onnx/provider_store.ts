/**
 * Tensors in an execution provider's memory, where they stay between runs. Values come and go by a program that copies: the
 * library moves its input or output to or from the host.
 * @module
 */
import onnxProto from "onnx-proto";

import { elements, type HostArray } from "../../backend.ts";
import { extentOf } from "../indices.ts";
import { OrtAllocator, type OrtLibrary, OrtMemory, OrtSession, OrtTensor } from "./c_api/mod.ts";
import { OPSET } from "./lower.ts";
import { type OnnxWay, providerHint, type SessionSettings } from "./sessions.ts";
import type { TensorStore } from "./store.ts";
import { HostTensor, type OnnxTensor, ProviderTensor } from "./tensor.ts";

const { onnx } = onnxProto;

/** Names of memories, as providers give them to theirs. */
const MEMORY = { cpu: "Cpu", cuda: "Cuda" } as const;

type MemoryProvider = keyof typeof MEMORY;

/** Tensors that stay with a provider. @throws {RangeError} If they can't. */
export function providerStore({ library }: OnnxWay, { provider, threads }: SessionSettings): TensorStore {
  if (library && (provider === "cpu" || provider === "cuda")) {
    return new ProviderStore(library, provider, threads);
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
    private readonly threads: number,
  ) {
    this.#library = library;
  }

  /** @throws {Error} If the provider can't start. */
  get #started() {
    return this.#device ??= this.#start();
  }

  #start() {
    const library = this.#library, { provider, threads } = this;
    try {
      const copy = (elemType: number) => new OrtSession(library, copyModel(elemType), { threads, provider });
      const copies = { f32: copy(1), i32: copy(6) }, memory = new OrtMemory(library, MEMORY[provider]);
      return { copies, memory, allocator: new OrtAllocator(copies.f32, memory) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot use ONNX Runtime provider "${provider}"${providerHint(provider)}: ${reason}`, {
        cause: error,
      });
    }
  }

  allocate(shape: readonly number[], type: "f32" | "i32"): ProviderTensor {
    const value = OrtTensor.allocated(this.#library, this.#started.allocator, shape, type);
    this.#values.add(value);
    return new ProviderTensor(type, value, this.#values);
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
    return this.onHost(tensor).data;
  }

  write(tensor: OnnxTensor, data: HostArray): void {
    const to = this.#own(tensor), { type, shape, value } = to;
    if (data.length !== elements(shape)) {
      throw new TypeError(`Cannot write ${data.length} elements to a tensor of shape [${shape}]`);
    }
    if (data instanceof Int32Array) to.extent = extentOf(data);
    using x = OrtTensor.over(this.#library, data, shape, type);
    this.#started.copies[type].run({ x }, { y: value });
  }

  onHost(tensor: OnnxTensor): HostTensor {
    const { type, shape, value } = this.#own(tensor), count = elements(shape);
    const data = type === "i32" ? new Int32Array(count) : new Float32Array(count);
    using y = OrtTensor.over(this.#library, data, shape, type);
    this.#started.copies[type].run({ x: value }, { y });
    return new HostTensor(data, shape, null);
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
    this.#device = null;
  }
}

/** y = x, of any shape. */
function copyModel(elemType: number): Uint8Array<ArrayBuffer> {
  const info = (name: string) => ({ name, type: { tensorType: { elemType } } });
  return new Uint8Array(
    onnx.ModelProto.encode(onnx.ModelProto.create({
      irVersion: 10,
      opsetImport: [{ domain: "", version: OPSET }],
      graph: {
        name: "copy",
        node: [{ opType: "Identity", input: ["x"], output: ["y"] }],
        input: [info("x")],
        output: [info("y")],
      },
    })).finish(),
  );
}
