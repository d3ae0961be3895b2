/**
 * The two ways to ONNX Runtime behind one interface: its C interface, and its binding for JavaScript.
 * @module
 */
import type { OrtLibrary } from "./c_api/mod.ts";
import type { OnnxProfiler } from "./profile.ts";
import type { HostTensor, OnnxTensor } from "./tensor.ts";

/** Execution provider that programs can run on. */
export type OnnxProvider = "cpu" | "cuda" | "webgpu";
/** Every {@linkcode OnnxProvider}, the one that is always there first. */
export const ONNX_PROVIDERS: readonly OnnxProvider[] = ["cpu", "cuda", "webgpu"];

/** Options of a session that a program's user chooses. */
export interface SessionSettings {
  provider: OnnxProvider;
  /** Threads of an operator, ≥ 1. */
  threads: number;
  /** Options of the provider, by its own names; only the C interface passes them. */
  providerOptions?: Readonly<Record<string, string>>;
  /** Path of a library with operators beside the runtime's; only the C interface passes it. */
  operators?: string;
  /** Gathers what each operator takes; only the C interface does. */
  profiler?: OnnxProfiler;
}

/** Where a constant's values stand in a file, bytes. */
export interface ConstantPlace {
  offset: number;
  length: number;
}

/** A model to make a session of. */
export interface SessionModel {
  /** The model's bytes; `places`: what it says of its constants. */
  bytes(places: Readonly<Record<string, ConstantPlace>>): Uint8Array<ArrayBuffer>;
  /** Inputs that are integers here and bytes there, four to an integer of the last axis. */
  byteInputs: ReadonlySet<string>;
  /** Values that stay the same as long as the session lives. */
  constants: Readonly<Record<string, HostTensor>>;
}

/** A model, ready to run. */
export interface ModelSession {
  /**
   * Runs once.
   * @param inputs By the model's names, without `wanted`.
   * @param outputs By the model's names; what isn't named isn't given.
   * @param wanted The model's input that says whether optional outputs are wanted; null: it has none.
   */
  run(
    inputs: Readonly<Record<string, OnnxTensor>>,
    outputs: Readonly<Record<string, OnnxTensor>>,
    wanted: { name: string; value: boolean } | null,
  ): Promise<void>;
  dispose(): Promise<void>;
}

/** A way to the library. */
export interface OnnxWay {
  /** "onnxruntime 1.30.0 through its C interface" */
  readonly description: string;
  /** Library whose C interface reaches a provider's memory; null: not reached this way. */
  readonly library: OrtLibrary | null;
  /** Those of them that this build has. */
  readonly providers: readonly OnnxProvider[];
  /** @throws {Error} What the library says of the model or the provider. */
  makeSession(model: SessionModel, settings: SessionSettings): Promise<ModelSession>;
}

/**
 * Entries of a session's configuration. Denormals (tails of softmax) are flushed to zero: worth some 4 % of a pass of SmolLM2,
 * little more than the noise; in the thread that runs a session, too, where operators of our own are there (`OrtSession.computing`). Thread pools belong to sessions; `force_spinning_stop` keeps one from spinning into the next
 * session's run, which made no measurable difference on 2 cores.
 */
export const SESSION_CONFIG: Readonly<Record<string, string>> = {
  set_denormal_as_zero: "1",
  force_spinning_stop: "1",
};

/** Remedy for a provider that doesn't start. */
export function providerHint(provider: OnnxProvider): string {
  switch (provider) {
    case "cuda":
      return "; `deno task doctor` says what is missing, docs/cuda.md how to install it";
    case "webgpu":
      return "; use backend: webgpu, which Deno brings itself, or provider: cpu";
    default:
      return "";
  }
}

/** Shape of integers as bytes. */
export function byteShape(shape: readonly number[]): number[] {
  return shape.map((size, axis) => axis === shape.length - 1 ? 4 * size : size);
}
