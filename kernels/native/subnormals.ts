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
  return path === null ? null : Deno.dlopen(path, SYMBOLS).symbols;
}

/**
 * What `body` gives, with this thread taking subnormal numbers for 0 until it returns or throws, and then as before. Where there is no library
 * on this machine, `body` runs as the thread is.
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
