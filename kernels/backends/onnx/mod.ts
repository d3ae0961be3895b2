/**
 * ONNX Runtime backend. On the CPU weights are graph inputs and nothing is copied: runs read and write our own arrays, and on a
 * CUDA device tensors can stay between runs. Both need the library's C interface; where that can't be called, its binding for
 * JavaScript serves, which copies outputs. Where tensors don't stay on a device, weights are constants of a program.
 * @module
 */
import type { Backend, Tensor } from "../../backend.ts";
import { nativeLibrary } from "../../native/mod.ts";
import type { HalfType } from "../../onnx_node.ts";
import { defaultThreads, fittingThreads } from "../../threads.ts";
import { WAY } from "./chosen_way.ts";
import { HalfCasts } from "./half.ts";
import type { OnnxProfiler } from "./profile.ts";
import { compile, type ProgramPlace } from "./program.ts";
import { providerStore } from "./provider_store.ts";
import type { OnnxProvider, OnnxWay, SessionSettings } from "./sessions.ts";
import { HostStore } from "./store.ts";
import type { OnnxTensor } from "./tensor.ts";
import { type EnvironmentVariables, wantsTf32 } from "./tf32.ts";
import { Uploads } from "./uploads.ts";

/** Options of the ONNX Runtime backend. */
export interface OnnxOptions {
  /** Execution provider; an absent one is an error, never a silent fallback. Default "cpu". */
  provider?: OnnxProvider;
  /** Threads of an operator, ≥ 1; default: {@linkcode defaultThreads}. */
  threads?: number;
  /**
   * True if attention loops over chunks of queries, which bounds its memory; default: on the CPU only. On a GPU each round
   * would wait for the host, so `[T, T]` of all heads is made at once there.
   */
  loops?: boolean;
  /**
   * The way to the library; default: its C interface where that can be called.
   * @internal
   */
  way?: OnnxWay;
  /**
   * Whether operators of our own, compiled ahead, do what they can do faster; default: where they are, on the CPU through the C interface.
   * @internal
   */
  native?: boolean;
  /**
   * Form of frozen matrices, and so of the operands of their products, whose sums are float32; default: float32. The CUDA provider has
   * such products; on the CPU they are float32's with the same roundings, for tests.
   */
  half?: HalfType;
  /** With provider "cuda": whether products of float32 may be TF32; default: if NVIDIA_TF32_OVERRIDE is 1. */
  tf32?: boolean;
  /**
   * Environment of that variable; default: the process's.
   * @internal
   */
  env?: EnvironmentVariables;
  /**
   * Gathers what each operator takes, through the C interface.
   * @internal
   */
  profiler?: OnnxProfiler;
  /**
   * Where tensors lie between runs; default: with the host. "provider" on the CPU computes the same by the calls that a device gets,
   * for tests.
   */
  memory?: "host" | "provider";
}

/**
 * Makes the backend.
 * @throws {RangeError} If this build of ONNX Runtime lacks the provider, or there are far more threads than processors.
 */
export function onnxBackend(options: OnnxOptions = {}): Backend {
  const { provider = "cpu", way = WAY, memory = "host" } = options;
  const threads = fittingThreads(options.threads ?? defaultThreads());
  if (!way.providers.includes(provider)) {
    throw new RangeError(
      `Cannot use ONNX Runtime provider "${provider}": this build offers ${way.providers.join(", ")}`,
    );
  }
  const tf32 = provider === "cuda" && wantsTf32(options.tf32, options.env ?? Deno.env);
  const { path: operators, reason: missing } = ownOperators(options, provider, way);
  const settings: SessionSettings = {
    provider,
    threads,
    ...(operators && { operators }),
    ...(provider === "cuda" && { providerOptions: { use_tf32: tf32 ? "1" : "0" } }),
    ...(options.profiler && { profiler: options.profiler }),
  };
  const halfType = options.half ?? null;
  const casts = halfType ? halfCasts(way, settings, memory, halfType) : null;
  const store = memory === "provider" ? providerStore(way, settings, casts) : new HostStore(casts);
  const uploads = new Uploads(store, {
    half: halfType,
    widens: operators !== null && memory === "host" && halfType === null,
  });
  const place: ProgramPlace = {
    way,
    store,
    settings,
    loops: options.loops ?? provider === "cpu",
    inPlace: provider === "cpu" && options.loops !== false,
    native: operators !== null,
    // The CPU provider has no product of bfloat16, and leaves out roundings to float16 around one.
    half: halfType ? { type: halfType, native: provider !== "cpu" } : null,
    hasNarrow: () => uploads.hasNarrow,
  };
  const description = describe({ way, provider, threads, memory, half: halfType, tf32, missing });
  return backendOf(place, uploads, {
    description,
    keepsTensors: provider === "cpu" || memory === "provider",
  });
}

/** The library of our own operators where they are wanted; the reason is why there is none though they are. */
function ownOperators({ loops, native }: OnnxOptions, provider: OnnxProvider, way: OnnxWay) {
  // The lowering without loops is a GPU's.
  const wanted = provider === "cpu" && way.library && loops !== false && native !== false;
  return wanted ? nativeLibrary() : { path: null, reason: null };
}

function backendOf(
  place: ProgramPlace,
  uploads: Uploads,
  { description, keepsTensors }: Pick<Backend, "description" | "keepsTensors">,
): Backend {
  const { store } = place;
  return {
    name: "onnx",
    description,
    hostMemory: store.hostMemory,
    keepsTensors,
    keepsNoLogits: place.native && place.half === null,
    compile: (graph, name, options) => compile(graph, name, place, options),
    upload: (values, shape, options) => uploads.upload(values, shape, options),
    uploadPieces: (pieces, shape) => uploads.uploadPieces(pieces, shape),
    uploadPacked: (matrix) => uploads.uploadPacked(matrix),
    holdsBlocks: (pieces, shape, bits) => uploads.holdsBlocks(pieces, shape, bits),
    download: (tensor) => Promise.resolve(store.download(tensor as OnnxTensor)),
    ...(store instanceof HostStore && {
      rows: (matrix: Tensor, ids: Int32Array) => store.onHost(matrix as OnnxTensor).rows(ids),
    }),
    write: (tensor, values) => store.write(tensor as OnnxTensor, values),
    zeros: (shape, type = "f32") => store.zeros(shape, type),
    dispose: () => Promise.resolve(store.dispose()),
  };
}

const HALF_WORDS: Readonly<Record<HalfType, string>> = {
  bf16: ", frozen matrices in bfloat16",
  f16: ", frozen matrices in float16",
};

/** What computes, and how: where operators of our own are missing, also why. */
function describe(
  { way, provider, threads, memory, half, tf32, missing }: {
    way: OnnxWay;
    provider: OnnxProvider;
    threads: number;
    memory: "host" | "provider";
    half: HalfType | null;
    tf32: boolean;
    missing: string | null;
  },
): string {
  const onDevice = memory === "provider" && provider !== "cpu" ? ", tensors on the device" : "";
  const products = `${half ? HALF_WORDS[half] : ""}${tf32 ? ", products in TF32" : ""}`;
  const slower = missing === null ? "" : ` (no operators of our own, so slower: ${missing})`;
  return `${way.description}, ${provider}, ${threads} threads${onDevice}${products}${slower}`;
}

/** Where matrices are rounded: the CPU does it for those that lie with the host. */
function halfCasts(
  { library }: OnnxWay,
  settings: SessionSettings,
  memory: "host" | "provider",
  type: HalfType,
) {
  if (!library) {
    throw new RangeError(
      `Cannot keep frozen matrices in ${
        type === "f16" ? "float16" : "bfloat16"
      }: ONNX Runtime's C interface is needed, ` +
        "which isn't used here (`deno task doctor` says why)",
    );
  }
  return new HalfCasts(library, memory === "host" ? { ...settings, provider: "cpu" } : settings, type);
}
