/**
 * ONNX Runtime backend. Weights are graph inputs and pass zero-copy on the CPU; outputs go into preallocated memory.
 *
 * Denormals (tails of softmax) are flushed to zero: worth some 4 % of a pass of SmolLM2, little more than the noise. Thread
 * pools belong to sessions; `force_spinning_stop` keeps one from spinning into the next session's run, which made no
 * measurable difference on 2 cores.
 * @module
 */
import "./_no_telemetry.ts";
import * as ort from "onnxruntime-node";
import { type Backend, elements, type HostArray, type Program, type Tensor } from "../../backend.ts";
import type { Graph } from "../../graph.ts";
import { bindSizes, concreteShape } from "../sizes.ts";
import { lowerToOnnx } from "./lower.ts";
import { BufferPool } from "./memory.ts";

/** Options of the ONNX Runtime backend. */
export interface OnnxOptions {
  /** Execution provider; an absent one is an error, never a silent fallback. Default "cpu". */
  provider?: "cpu" | "cuda" | "webgpu";
  /** Threads of an operator, ≥ 1; default: one a core. */
  threads?: number;
}

class OnnxTensor implements Tensor {
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

/**
 * Makes the backend.
 * @throws {RangeError} If this build of ONNX Runtime lacks the provider.
 */
export function onnxBackend(options: OnnxOptions = {}): Backend {
  const provider = options.provider ?? "cpu";
  const threads = options.threads ?? navigator.hardwareConcurrency;
  const offered = ort.listSupportedBackends().map((b) => b.name);
  if (!offered.includes(provider)) {
    throw new RangeError(
      `Cannot use ONNX Runtime provider "${provider}": this build offers ${offered.join(", ")}`,
    );
  }
  const pool = new BufferPool();
  const allocate = (shape: readonly number[], type: "f32" | "i32") => {
    const count = elements(shape), buffer = pool.take(count * 4);
    const data = type === "i32" ? new Int32Array(buffer, 0, count) : new Float32Array(buffer, 0, count);
    return new OnnxTensor(data, shape, pool);
  };
  return {
    name: "onnx",
    description: `onnxruntime ${
      ort.env.versions.node ?? ort.env.versions.common
    }, ${provider}, ${threads} threads`,
    hostMemory: true,
    compile: (graph, name) => compile(graph, name, provider, threads, allocate),
    upload: (data, shape) => {
      if (data.length !== elements(shape)) {
        throw new TypeError(
          `Cannot upload ${data.length} elements as [${shape}]: that shape has ${elements(shape)}`,
        );
      }
      return new OnnxTensor(data, shape, null);
    },
    download: (tensor) => Promise.resolve((tensor as OnnxTensor).data),
    write: (tensor, data) => {
      if (data !== (tensor as OnnxTensor).data) (tensor as OnnxTensor).data.set(data);
    },
    zeros: (shape, type = "f32") => {
      const tensor = allocate(shape, type);
      tensor.data.fill(0);
      return tensor;
    },
    dispose: () => Promise.resolve(pool.clear()),
  };
}

async function compile(
  graph: Graph,
  name: string,
  provider: string,
  threads: number,
  allocate: (shape: readonly number[], type: "f32" | "i32") => OnnxTensor,
): Promise<Program> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(lowerToOnnx(graph, name), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      // Rows differ in length, so planned memory patterns never fit twice. The arena stays on: without it every product
      // touches fresh memory, a fifth of a step of SmolLM2 (it costs 20 to 130 MB).
      enableMemPattern: false,
      extra: { session: { set_denormal_as_zero: "1", force_spinning_stop: "1" } },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot compile program ${name} for ONNX Runtime provider "${provider}": ${reason}`, {
      cause: error,
    });
  }
  return {
    async run(inputs, into = {}) {
      const sizes = bindSizes(name, graph, inputs);
      const feeds: Record<string, ort.Tensor> = {};
      for (const key of Object.keys(graph.inputs)) feeds[key] = (inputs[key] as OnnxTensor).handle;
      const results: Record<string, OnnxTensor> = {}, fetches: Record<string, ort.Tensor> = {};
      for (const [key, value] of Object.entries(graph.outputs)) {
        const tensor = into[key] as OnnxTensor | undefined ??
          allocate(concreteShape(value, sizes), value.type);
        results[key] = tensor;
        fetches[`out.${key}`] = tensor.handle;
      }
      await session.run(feeds, fetches);
      return results;
    },
    dispose: () => session.release(),
  };
}
