/**
 * Subnormal numbers taken for 0 while something runs. ONNX Runtime has threads of its own do so where a session asks for it, but of those
 * that run sessions only the one that makes the process's first (findings/denormals_of_javascript.sh), and that one for good: what an
 * operator gives would hang on which thread computes which part of it.
 * @module
 */
import { nativeLibrary } from "./library.ts";

const SYMBOLS = {
  dinotune_flush_subnormals: { parameters: [], result: "u32" },
  dinotune_restore_subnormals: { parameters: ["u32"], result: "void" },
} as const;

let opened: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | null | undefined;

function open(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | null {
  const { path } = nativeLibrary();
  const may = path !== null && Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
  return may ? Deno.dlopen(path, SYMBOLS).symbols : null;
}

/**
 * What `body` gives, with this thread taking subnormal numbers for 0 until it returns or throws, and then as before. Where there is no library
 * on this machine, or it may not be called, `body` runs as the thread is.
 * @param body Computes in this thread and doesn't wait for anything.
 */
export function flushingSubnormals<T>(body: () => T): T {
  opened ??= open();
  if (opened === null) return body();
  const before = opened.dinotune_flush_subnormals();
  try {
    return body();
  } finally {
    opened.dinotune_restore_subnormals(before);
  }
}

/** Bodies of {@linkcode flushingSubnormalsUntil} that haven't ended, and how this thread was before the first of them. */
const waiting = { bodies: 0, before: 0 };

/**
 * What `body` gives, for one that computes in this thread in a later turn of the event loop, when exactly nobody knows: until it ends, all that
 * this thread does takes subnormal numbers for 0, JavaScript's own too.
 */
export async function flushingSubnormalsUntil<T>(body: () => Promise<T>): Promise<T> {
  opened ??= open();
  if (opened === null) return await body();
  if (waiting.bodies++ === 0) waiting.before = opened.dinotune_flush_subnormals();
  try {
    return await body();
  } finally {
    if (--waiting.bodies === 0) opened.dinotune_restore_subnormals(waiting.before);
  }
}
