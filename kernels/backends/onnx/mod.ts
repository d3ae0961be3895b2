/**
 * ONNX Runtime backend. On the CPU weights are graph inputs and nothing is copied: runs read and write our own arrays, and on a
 * CUDA device tensors can stay between runs. Both need the library's C interface; where that can't be called, its binding for
 * JavaScript serves, which copies outputs. Where tensors don't stay on a device, weights are constants of a program.
 * @module
 */
import { wholeBits } from "../../../formats/float_pieces.ts";
import { type Backend, checkUploaded, type Tensor } from "../../backend.ts";
import { defaultThreads, fittingThreads } from "../../threads.ts";
import { blockTiles, groupBlocks, groupFormOf, isBlockForm, nativeLibrary } from "../../native/mod.ts";
import { openLibrary } from "./c_api/mod.ts";
import { cWay } from "./c_way.ts";
import { compile, type ProgramPlace } from "./program.ts";
import type { HalfType } from "../../onnx_node.ts";
import { HalfCasts } from "./half.ts";
import { fitsBits, heldForm } from "./held_form.ts";
import { providerStore } from "./provider_store.ts";
import type { OnnxProfiler } from "./profile.ts";
import type { OnnxProvider, OnnxWay, SessionSettings } from "./sessions.ts";
import { HostStore } from "./store.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

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
  env?: Variables;
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

/** Environment variable that chooses the way: `binding`, or the C interface where it can be called. */
const CHOICE = "DINOTUNE_ONNX", CHOICES = ["", "binding"];

const { library, reason } = openLibrary(), wish = Deno.env.get(CHOICE) ?? "";
if (!CHOICES.includes(wish)) {
  throw new RangeError(
    `Cannot choose the way to ONNX Runtime: ${CHOICE} is "binding" or unset: current value is "${wish}"`,
  );
}
const WAY = library && wish !== "binding" ? cWay(library) : await binding(reason ?? `${CHOICE} asks for it`);

/** Loaded only where it is used: the library would be mapped into memory for nothing. */
async function binding(why: string): Promise<OnnxWay> {
  return (await import("./javascript_way.ts")).javascriptWay(why);
}

const TF32 = "NVIDIA_TF32_OVERRIDE";
type Variables = Pick<Deno.Env, "get" | "set" | "delete">;
/** The environment in which the variable is this file's doing. */
let setIn: Variables | null = null;

/**
 * True if NVIDIA's products may round float32 to 10 bits of mantissa. They do unless told otherwise, so where nobody asked for it NVIDIA's
 * own variable is set to 0, for libraries that look at nothing else.
 * @throws {RangeError} If the variable, set by somebody else, says otherwise than `asked`
 */
function wantsTf32(asked: boolean | undefined, env: Variables): boolean {
  if (setIn === env) env.delete(TF32);
  const value = env.get(TF32), wanted = asked ?? value === "1";
  setIn = value === undefined && !wanted ? env : null;
  if (setIn) env.set(TF32, "0");
  if (value === undefined || wanted === (value === "1")) return wanted;
  throw new RangeError(
    `Cannot use tf32: ${asked} beside the variable ${TF32}: current value is ${value}; unset one of them`,
  );
}

/**
 * Makes the backend.
 * @throws {RangeError} If this build of ONNX Runtime lacks the provider, or there are far more threads than processors.
 */
export function onnxBackend(options: OnnxOptions = {}): Backend {
  const { provider = "cpu", way = WAY } = options,
    threads = fittingThreads(options.threads ?? defaultThreads());
  if (!way.providers.includes(provider)) {
    throw new RangeError(
      `Cannot use ONNX Runtime provider "${provider}": this build offers ${way.providers.join(", ")}`,
    );
  }
  const tf32 = provider === "cuda" && wantsTf32(options.tf32, options.env ?? Deno.env);
  // The lowering without loops is a GPU's.
  const own = provider === "cpu" && way.library && options.loops !== false && options.native !== false;
  const { path: operators, reason: missing } = own ? nativeLibrary() : { path: null, reason: null };
  const settings: SessionSettings = {
    provider,
    threads,
    ...(operators && { operators }),
    ...(provider === "cuda" && { providerOptions: { use_tf32: tf32 ? "1" : "0" } }),
    ...(options.profiler && { profiler: options.profiler }),
  };
  const { memory = "host" } = options;
  const kind = options.half, half = kind ? halfCasts(way, settings, memory, kind) : null;
  const store = memory === "provider" ? providerStore(way, settings, half) : new HostStore(half);
  // Operators of our own widen matrices as they read them.
  const widens = operators !== null && memory === "host" && half === null;
  let hasNarrow = half !== null;
  const place: ProgramPlace = {
    way,
    store,
    settings,
    loops: options.loops ?? provider === "cpu",
    inPlace: provider === "cpu" && options.loops !== false,
    native: operators !== null,
    // The CPU provider has no product of bfloat16, and leaves out roundings to float16 around one.
    half: kind ? { type: kind, native: provider !== "cpu" } : null,
    hasNarrow: () => hasNarrow,
  };
  return {
    name: "onnx",
    description: `${way.description}, ${provider}, ${threads} threads${
      memory === "provider" && provider !== "cpu" ? ", tensors on the device" : ""
    }${kind ? HALF_WORDS[kind] : ""}${tf32 ? ", products in TF32" : ""}${
      missing === null ? "" : ` (no operators of our own, so slower: ${missing})`
    }`,
    hostMemory: store.hostMemory,
    keepsTensors: provider === "cpu" || memory === "provider",
    keepsNoLogits: operators !== null && half === null,
    compile: (graph, name, given) => compile(graph, name, place, given),
    upload: (data, shape, { frozen } = {}) => {
      checkUploaded(data.length, shape);
      const matrix = frozen && half && shape.length === 2 && data instanceof Float32Array;
      return matrix ? store.uploadHalf(data, shape) : store.upload(data, shape);
    },
    uploadPieces: (pieces, shape) => {
      checkUploaded(pieces.count, shape);
      const form = heldForm(pieces, shape);
      // Where matrices are rounded, float16 has lengths to look at.
      if (form === null || !(half ? half.type === "bf16" && form === "bf16" : widens)) return null;
      hasNarrow = true;
      return pieces.blocks && isBlockForm(form)
        ? new HostTensor(blockTiles(pieces.blocks.pieces(), shape, form), shape, null, form)
        : store.uploadBits(wholeBits(pieces), shape, form as HalfType);
    },
    uploadPacked: (matrix) => {
      const form = widens ? groupFormOf({ ...matrix, minima: matrix.minima !== null }) : null;
      if (form === null) return null;
      hasNarrow = true;
      const shape = [matrix.rows, matrix.columns];
      return new HostTensor(blockTiles(groupBlocks(matrix), shape, form), shape, null, form);
    },
    holdsBlocks: (pieces, shape, bits) => widens && fitsBits(heldForm(pieces, shape), bits),
    download: (tensor) => Promise.resolve(store.download(tensor as OnnxTensor)),
    ...(store instanceof HostStore && {
      rows: (matrix: Tensor, ids: Int32Array) => store.onHost(matrix as OnnxTensor).rows(ids),
    }),
    write: (tensor, data) => store.write(tensor as OnnxTensor, data),
    zeros: (shape, type = "f32") => store.zeros(shape, type),
    dispose: () => Promise.resolve(store.dispose()),
  };
}

const HALF_WORDS: Readonly<Record<HalfType, string>> = {
  bf16: ", frozen matrices in bfloat16",
  f16: ", frozen matrices in float16",
};

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
