/**
 * ONNX Runtime through its C interface, called by Deno: what its binding for JavaScript can't do. Runs write to memory that
 * they are given, where the binding copies each output into a new buffer; outputs can stay in a provider's memory.
 *
 * A call costs some microseconds, so a model of few, large operators loses nothing. Everything made here is freed by
 * `dispose()`, in any order; tensors that are bound or are a session's constants are referenced by it.
 * @module
 */
export { OrtBinding } from "./binding.ts";
export { anonymousMemory, useHugePages } from "./huge_pages.ts";
export {
  availableProviders,
  beginLibrary,
  libraryPath,
  type LibraryPlace,
  type OpenedLibrary,
  openLibrary,
  openLibraryAt,
  type OrtLibrary,
} from "./library.ts";
export { RunOptions } from "./run_options.ts";
export { type NamedTensors, OrtAllocator, OrtSession } from "./session.ts";
export type { SessionOptions } from "./session_options.ts";
export { ORT_VERSION } from "./slots.ts";
export { OrtMemory, OrtTensor, ortTensorBytes, type OrtType } from "./value.ts";
