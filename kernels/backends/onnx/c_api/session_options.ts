/**
 * Options of a session.
 * @module
 */
import { shareArena } from "./arena.ts";
import type { OrtLibrary } from "./library.ts";
import { cPath, cString, CStrings, pointerArray } from "./memory.ts";
import { pinLibrary } from "./pin.ts";
import { checkStatus, created } from "./status.ts";
import type { OrtTensor } from "./value.ts";

/** Options of a session; those left out have ONNX Runtime's or the named default. */
export interface SessionOptions {
  /** Threads of an operator, ≥ 1; 0: one per core. */
  threads: number;
  /** True if idle threads wait by spinning, until a run ends: quicker at short operators, a burden to others. Default true. */
  spinning?: boolean;
  /** Level of graph rewriting. Default "all". */
  optimization?: keyof typeof LEVELS;
  /** True if memory is planned from the first run's shapes, for runs of the same ones. Default false. */
  memoryPattern?: boolean;
  /** True if freed memory is kept for later, by the session or in one arena of all that say "shared". Default true. */
  arena?: boolean | "shared";
  /** Execution provider; the CPU's is always there for what another one lacks. Default "cpu". */
  provider?: "cpu" | "cuda" | "webgpu";
  /** Options of the provider: `{ device_id: "0" }`. */
  providerOptions?: Readonly<Record<string, string>>;
  /** Entries of onnxruntime_session_options_config_keys.h: `{ "session.set_denormal_as_zero": "1" }`. */
  config?: Readonly<Record<string, string>>;
  /**
   * Values for initializers that the model says stand in another file, by name. The tensors' own memory is used, and kept as
   * long as the session; unchanged.
   */
  initializers?: Readonly<Record<string, OrtTensor>>;
  /** Path of a library with operators that models may name beside the runtime's. */
  operators?: string | null;
  /** Beginning of a file's path: what each operator took is written there when the session ends its profile. */
  profile?: string;
}

/** GraphOptimizationLevel */
const LEVELS = { none: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;
/** Only what is fatal is printed: an error is thrown, with the same text. */
const SEVERITY_FATAL = 4;

/**
 * Makes an OrtSessionOptions, has something done with it, and frees it.
 * @throws {Error} If an option isn't taken, or a provider can't start.
 */
export function withSessionOptions<T>(
  library: OrtLibrary,
  options: SessionOptions,
  use: (pointer: Deno.PointerValue) => T,
): T {
  const { api } = library;
  const pointer = created(api, "make options of a session", (out) => api.CreateSessionOptions(out));
  try {
    const set = (what: string, status: Deno.PointerValue) =>
      checkStatus(api, `set ${what} of a session`, status);
    set("log severity", api.SetSessionLogSeverityLevel(pointer, SEVERITY_FATAL));
    set("optimization", api.SetSessionGraphOptimizationLevel(pointer, LEVELS[options.optimization ?? "all"]));
    set("threads", api.SetIntraOpNumThreads(pointer, options.threads));
    set("threads", api.SetInterOpNumThreads(pointer, 1));
    if (!options.memoryPattern) set("memory pattern", api.DisableMemPattern(pointer));
    if (options.arena === false) set("arena", api.DisableCpuMemArena(pointer));
    if (options.arena === "shared") shareArena(library);
    if (options.profile) set("profile", api.EnableProfiling(pointer, cPath(options.profile)));
    const spinning = options.spinning === false ? { "session.intra_op.allow_spinning": "0" } : {};
    const arena = options.arena === "shared" ? { "session.use_env_allocators": "1" } : {};
    for (const [key, value] of Object.entries({ ...spinning, ...arena, ...options.config })) {
      set(`"${key}"`, api.AddSessionConfigEntry(pointer, cString(key), cString(value)));
    }
    if (options.operators) {
      // Its code must outlive every session: the runtime lets go of it with the last one.
      pinLibrary(options.operators);
      set("operators", api.RegisterCustomOpsLibrary_V2(pointer, cPath(options.operators)));
    }
    addInitializers(library, pointer, options.initializers ?? {});
    addProvider(library, pointer, options);
    return use(pointer);
  } finally {
    api.ReleaseSessionOptions(pointer);
  }
}

function addInitializers(
  { api }: OrtLibrary,
  pointer: Deno.PointerValue,
  initializers: Readonly<Record<string, OrtTensor>>,
): void {
  const names = new CStrings(Object.keys(initializers));
  if (names.length === 0) return;
  const values = pointerArray(
    Object.values(initializers).map((tensor) => Deno.UnsafePointer.value(tensor.pointer)),
  );
  checkStatus(
    api,
    "give a session its constants",
    api.AddExternalInitializers(pointer, names.pointers, values, BigInt(names.length)),
  );
}

/** The C interface's names of providers. */
const PROVIDERS = { webgpu: "WebGPU" } as const;

function addProvider(
  { api }: OrtLibrary,
  pointer: Deno.PointerValue,
  { provider = "cpu", providerOptions = {} }: SessionOptions,
): void {
  if (provider === "cpu") return;
  const action = `use the execution provider "${provider}"`;
  const keys = new CStrings(Object.keys(providerOptions)),
    values = new CStrings(Object.values(providerOptions));
  const count = BigInt(keys.length);
  if (provider !== "cuda") {
    const name = cString(PROVIDERS[provider]);
    const { pointers } = keys;
    return checkStatus(
      api,
      action,
      api.SessionOptionsAppendExecutionProvider(pointer, name, pointers, values.pointers, count),
    );
  }
  const cuda = created(api, action, (out) => api.CreateCUDAProviderOptions(out));
  try {
    checkStatus(api, action, api.UpdateCUDAProviderOptions(cuda, keys.pointers, values.pointers, count));
    checkStatus(api, action, api.SessionOptionsAppendExecutionProvider_CUDA_V2(pointer, cuda));
  } finally {
    api.ReleaseCUDAProviderOptions(cuda);
  }
}
