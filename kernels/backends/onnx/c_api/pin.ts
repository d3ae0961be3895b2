/**
 * Keeps a library loaded until the process ends. A Worker that ends has Deno unload what it opened, and this library's threads
 * run on: without the code that they were in the process ends by a segmentation fault.
 * @module
 */
import { cPath } from "./memory.ts";

/** RTLD_NOW. */
const NOW = 2;

/** Loads a library once more, by the system's own call, and never lets go. @throws {Error} If there is no such call. */
export function pinLibrary(path: string): void {
  if (!load(cPath(path))) throw new Error(`${path} can't be kept loaded`);
}

function load(path: Uint8Array<ArrayBuffer>): Deno.PointerValue {
  if (Deno.build.os === "windows") {
    const system = Deno.dlopen("kernel32.dll", {
      LoadLibraryW: { parameters: ["buffer"], result: "pointer" },
    });
    return system.symbols.LoadLibraryW(path);
  }
  // Since version 2.34 of glibc its main library has it.
  const homes = Deno.build.os === "darwin" ? ["/usr/lib/libSystem.B.dylib"] : ["libc.so.6", "libdl.so.2"];
  for (const home of homes) {
    let system;
    try {
      system = Deno.dlopen(home, { dlopen: { parameters: ["buffer", "i32"], result: "pointer" } });
    } catch {
      continue;
    }
    try {
      return system.symbols.dlopen(path, NOW);
    } finally {
      system.close();
    }
  }
  throw new Error(`no way to keep a library loaded was found in ${homes.join(", ")}`);
}
