/**
 * ONNX Runtime backend. On the CPU weights are graph inputs and pass zero-copy; outputs go into preallocated memory. The
 * library's binding for JavaScript keeps no tensor on a CUDA device between runs, so there weights are constants of a program.
 *
 * Denormals (tails of softmax) are flushed to zero: worth some 4 % of a pass of SmolLM2, little more than the noise. Thread
 * pools belong to sessions; `force_spinning_stop` keeps one from spinning into the next session's run, which made no
 * measurable difference on 2 cores.
 * @module
 */
import "./no_telemetry.ts";
import * as ort from "onnxruntime-node";
import { type Backend, elements } from "../../backend.ts";
import { BufferPool } from "./memory.ts";
import { compile } from "./program.ts";
import { OnnxTensor } from "./tensor.ts";

/** Options of the ONNX Runtime backend. */
export interface OnnxOptions {
  /** Execution provider; an absent one is an error, never a silent fallback. Default "cpu". */
  provider?: "cpu" | "cuda" | "webgpu";
  /** Threads of an operator, ≥ 1; default: one per core. */
  threads?: number;
  /**
   * Whether attention loops over chunks of queries, which bounds its memory; default: on the CPU only. On a GPU each round
   * would wait for the host, so `[T, T]` of all heads is made at once there.
   */
  loops?: boolean;
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
  // NVIDIA's products round float32 to 10 bits of mantissa otherwise. A person who wants that for speed sets it to 1.
  if (provider === "cuda" && Deno.env.get("NVIDIA_TF32_OVERRIDE") === undefined) {
    Deno.env.set("NVIDIA_TF32_OVERRIDE", "0");
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
    keepsTensors: provider === "cpu",
    compile: (graph, name, given) =>
      compile(
        graph,
        name,
        { provider, threads, loops: options.loops ?? provider === "cpu" },
        allocate,
        given,
      ),
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
