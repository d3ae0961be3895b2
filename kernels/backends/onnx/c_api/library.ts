/**
 * Opens the library that onnxruntime-node carries. One process may call it this way and through that package's binding: both
 * get the same mapped library.
 * @module
 */
import "../no_telemetry.ts";
import { fileURLToPath } from "node:url";

import { dirname, join } from "@std/path";

import { cString, stringAt } from "./memory.ts";
import { pinLibrary } from "./pin.ts";
import { ORT_API_VERSION, ORT_VERSION, type OrtAsyncFunctions, type OrtFunctions, SLOTS } from "./slots.ts";
import { checkStatus, created, memoryInfo } from "./status.ts";

/** The library, opened: functions and what every session shares. Lives as long as the process. */
export interface OrtLibrary {
  /** Path of its file. */
  readonly path: string;
  /** "1.30.0" */
  readonly version: string;
  readonly api: OrtFunctions;
  readonly background: OrtAsyncFunctions;
  /** OrtEnv */
  readonly env: Deno.PointerValue;
  /** OrtAllocator of names and arrays that the library returns. */
  readonly allocator: Deno.PointerValue;
  /** OrtMemoryInfo of the host's memory. */
  readonly host: Deno.PointerValue;
}

/** The library, or why it can't be called. */
export type OpenedLibrary =
  | { readonly library: OrtLibrary; readonly reason: null }
  | { readonly library: null; readonly reason: string };

/** Places where a library is looked for, so that tests can name others. */
export interface LibraryPlace {
  /** File of the package's entry. */
  entry: string;
  os: typeof Deno.build.os;
  arch: typeof Deno.build.arch;
  version: string;
}

let opened: OpenedLibrary | undefined;

/** Opens the library that was installed with onnxruntime-node, once; never asks for a permission. */
export function openLibrary(): OpenedLibrary {
  opened ??= openLibraryAt(() => ({ entry: packageEntry(), ...Deno.build, version: ORT_VERSION }));
  return opened;
}

/** Opens a library. */
export function openLibraryAt(place: () => LibraryPlace): OpenedLibrary {
  try {
    return { library: load(found(place())), reason: null };
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Has the library begin in another thread what takes a tenth of a second when it is first opened in a process; all threads share
 * it. Where it can't be opened, nothing happens: {@linkcode openLibrary} says why.
 * @returns When it has begun, whether it could.
 */
export async function beginLibrary(): Promise<boolean> {
  try {
    const { table } = found({ entry: packageEntry(), ...Deno.build, version: ORT_VERSION });
    const slots = { CreateEnv: SLOTS.CreateEnv }, name = cString(ENV_NAME);
    const { CreateEnv } = functions(table, slots, true) as BeginFunctions;
    const waiting = functions(table, slots, false) as Pick<OrtFunctions, "CreateEnv">;
    // A process that ends within it crashes; the second call waits for the first.
    const end = () => void waiting.CreateEnv(LOG_FATAL, name, new BigUint64Array(1));
    for (const event of ENDS) globalThis.addEventListener(event, end);
    try {
      return await CreateEnv(LOG_FATAL, name, new BigUint64Array(1)) === null;
    } finally {
      for (const event of ENDS) globalThis.removeEventListener(event, end);
    }
  } catch {
    return false;
  }
}

/** Events by which a process ends; those of faults come instead of the first. */
const ENDS = ["unload", "error", "unhandledrejection"];

type BeginFunctions = {
  CreateEnv: Deno.UnsafeFnPointer<typeof SLOTS.CreateEnv & { nonblocking: true }>["call"];
};

function refused(reason: string): OpenedLibrary {
  return { library: null, reason };
}

function packageEntry(): string {
  const url = import.meta.resolve("onnxruntime-node");
  if (!url.startsWith("file:")) {
    throw new Error(`onnxruntime-node isn't a folder of this machine: it is ${url}`);
  }
  return fileURLToPath(url);
}

const FOLDERS: Partial<Record<typeof Deno.build.os, { folder: string; file: RegExp }>> = {
  linux: { folder: "linux", file: /^libonnxruntime\.so/ },
  darwin: { folder: "darwin", file: /^libonnxruntime\..*dylib$/ },
  windows: { folder: "win32", file: /^onnxruntime\.dll$/ },
};

/** Path of the library in the package. @throws {Error} If there is none for this system. */
export function libraryPath({ entry, os, arch }: Omit<LibraryPlace, "version">): string {
  const system = FOLDERS[os], bin = join(dirname(dirname(entry)), "bin");
  if (!system) throw new Error(`onnxruntime-node has no library for ${os}`);
  const processor = arch === "x86_64" ? "x64" : "arm64";
  // The folder between carries the version of Node's interface ("napi-v6"), which changes with the package's.
  for (const { name } of entries(bin)) {
    const folder = join(bin, name, system.folder, processor);
    const file = entries(folder).find((entry) => system.file.test(entry.name));
    if (file) return join(folder, file.name);
  }
  throw new Error(`onnxruntime-node has no library for ${os} ${arch} in ${bin}`);
}

function entries(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The base's two functions; only its file's symbol has a name. */
const BASE = [
  { parameters: ["u32"], result: "pointer" },
  { parameters: [], result: "pointer" },
] as const;

/** A library's file, in this process. */
interface FoundLibrary {
  path: string;
  version: string;
  /** OrtApi */
  table: Deno.PointerValue;
}

/** @throws {Error} If there is none, it is another version, or Deno may not open it. */
function found({ version, ...where }: LibraryPlace): FoundLibrary {
  const path = libraryPath(where), { state } = Deno.permissions.querySync({ name: "ffi", path });
  if (state !== "granted") throw new Error(`Deno may not open ${path}: run with --allow-ffi`);
  const { symbols } = Deno.dlopen(path, { OrtGetApiBase: { parameters: [], result: "pointer" } });
  const base = symbols.OrtGetApiBase();
  const own = stringAt(new Deno.UnsafeFnPointer(functionAt(base, 1), BASE[1]).call());
  if (own !== version) throw new Error(`${path} is version ${own}, and ${version} is what can be called`);
  pinLibrary(path);
  const table = new Deno.UnsafeFnPointer(functionAt(base, 0), BASE[0]).call(ORT_API_VERSION);
  return { path, version, table };
}

function load({ path, version, table }: FoundLibrary): OrtLibrary {
  const api = functions(table, SLOTS, false) as OrtFunctions;
  const { Run, RunWithBinding } = SLOTS;
  return {
    path,
    version,
    api,
    background: functions(table, { Run, RunWithBinding }, true) as OrtAsyncFunctions,
    env: created(api, "start ONNX Runtime", (out) => api.CreateEnv(LOG_FATAL, cString(ENV_NAME), out)),
    allocator: created(api, "find its allocator", (out) => api.GetAllocatorWithDefaultOptions(out)),
    host: memoryInfo(api, "Cpu", 0),
  };
}

/** Name of what all sessions share, in the library's log. */
const ENV_NAME = "dinotune";

/** Severity ORT_LOGGING_LEVEL_FATAL. */
const LOG_FATAL = 4;

function functions(
  table: Deno.PointerValue,
  slots: Readonly<Record<string, { slot: number } & Deno.ForeignFunction>>,
  nonblocking: boolean,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(slots).map(([name, { slot, parameters, result }]) => {
      const pointer = new Deno.UnsafeFnPointer(functionAt(table, slot), { parameters, result, nonblocking });
      return [name, (...given: never[]) => pointer.call(...given)];
    }),
  );
}

function functionAt<T>(table: Deno.PointerValue, index: number): Deno.PointerObject<T> {
  const pointer = table && new Deno.UnsafePointerView(table).getPointer<T>(8 * index);
  if (!pointer) throw new Error(`the library has no function at place ${index}`);
  return pointer;
}

/** Names of the execution providers that the library was built with: "CPUExecutionProvider". */
export function availableProviders({ api }: OrtLibrary): string[] {
  const list = new BigUint64Array(1), count = new Int32Array(1);
  checkStatus(api, "list execution providers", api.GetAvailableProviders(list, count));
  const pointer = Deno.UnsafePointer.create(list[0] ?? 0n);
  if (!pointer) return [];
  const view = new Deno.UnsafePointerView(pointer);
  const names = Array.from({ length: count[0] ?? 0 }, (_, i) => stringAt(view.getPointer(8 * i)));
  checkStatus(api, "list execution providers", api.ReleaseAvailableProviders(pointer, count[0] ?? 0));
  return names;
}
