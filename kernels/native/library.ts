/**
 * Finds the library of operators of our own for ONNX Runtime's CPU provider. It is there for Linux on x86-64 with AVX2; elsewhere ONNX
 * Runtime's operators do its work.
 * @module
 */
import { fileURLToPath } from "node:url";

/** The library's file, or why it can't be used. */
export type NativeLibrary =
  | { readonly path: string; readonly reason: null }
  | { readonly path: null; readonly reason: string };

/** Places where it is looked for, so that tests can name others. */
export interface NativePlace {
  /** Of the file. */
  url: string;
  os: typeof Deno.build.os;
  arch: typeof Deno.build.arch;
}

let found: NativeLibrary | undefined;

/** The library of this machine, looked for once; never asks for a permission. */
export function nativeLibrary(): NativeLibrary {
  return found ??= nativeLibraryAt({ url: import.meta.resolve("./linux-x64.so"), ...Deno.build });
}

/** Looks for it. */
export function nativeLibraryAt({ url, os, arch }: NativePlace): NativeLibrary {
  const refused = (reason: string): NativeLibrary => ({ path: null, reason });
  if (os !== "linux" || arch !== "x86_64") return refused(`there is none for ${os} on ${arch}`);
  if (!url.startsWith("file:")) return refused(`its file isn't on this machine: it is ${url}`);
  const path = fileURLToPath(url);
  const { state } = Deno.permissions.querySync({ name: "ffi", path });
  if (state !== "granted") return refused(`Deno may not open ${path}: run with --allow-ffi`);
  try {
    const { symbols } = Deno.dlopen(path, { dinotune_supported: { parameters: [], result: "i32" } });
    if (symbols.dinotune_supported() === 0) return refused("this processor has no AVX2, FMA and F16C");
    return { path, reason: null };
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}
