/**
 * Results of calls.
 * @module
 */
import { cString, stringAt } from "./memory.ts";
import type { OrtFunctions } from "./slots.ts";

/** OrtErrorCode by number. */
const CODES = [
  "ok",
  "failure",
  "invalid argument",
  "no such file",
  "no model",
  "engine error",
  "runtime exception",
  "invalid protobuf",
  "model loaded",
  "not implemented",
  "invalid graph",
  "execution provider failed",
];

/**
 * Throws what a status says, and frees it.
 * @param action Completes "Cannot …"; a function where calls are so many that text costs.
 * @throws {Error} If the status is one: "Cannot run: (invalid argument) …".
 */
export function checkStatus(
  { GetErrorCode, GetErrorMessage, ReleaseStatus }: OrtFunctions,
  action: string | (() => string),
  status: Deno.PointerValue,
): void {
  if (status === null) return;
  const code = GetErrorCode(status), message = stringAt(GetErrorMessage(status));
  ReleaseStatus(status);
  const what = typeof action === "string" ? action : action();
  throw new Error(`Cannot ${what}: ${message.trim()} (ONNX Runtime: ${CODES[code] ?? `code ${code}`})`);
}

/** The object that a call made and wrote the address of. @throws {Error} With its status's message. */
export function created(
  api: OrtFunctions,
  action: string | (() => string),
  make: (out: BigUint64Array<ArrayBuffer>) => Deno.PointerValue,
): Deno.PointerValue {
  const out = new BigUint64Array(1);
  checkStatus(api, action, make(out));
  return Deno.UnsafePointer.create(out[0] ?? 0n);
}

/** Numbers of arena and memory of OrtMemoryInfo. */
const DEVICE_ALLOCATOR = 0, DEFAULT_MEMORY = 0;

/** An OrtMemoryInfo. @throws {Error} If no provider names its memory so. */
export function memoryInfo(api: OrtFunctions, name: string, device: number): Deno.PointerValue {
  return created(
    api,
    `name the memory "${name}"`,
    (out) => api.CreateMemoryInfo(cString(name), DEVICE_ALLOCATOR, device, DEFAULT_MEMORY, out),
  );
}
