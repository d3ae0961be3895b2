/**
 * The needs of ONNX Runtime's CUDA provider, and whether they are met: its own library, NVIDIA's, the driver. The runtime itself
 * says no more than that a shared library failed to load. docs/cuda.md says how to install each.
 * @module
 */
import { item } from "../../formats/elements.ts";

import { dirname, join } from "@std/path";

/** One thing that the provider needs. */
export interface CudaCheck {
  /** Human-readable. */
  what: string;
  works: boolean;
  /** Finding, or what is missing and what to do. */
  detail: string;
}

/** Ways to look at a machine, so that tests can stand in for one. */
export interface CudaMachine {
  /** Folder of the library that Deno loads. */
  folder: string;
  /** True if CUDA is offered for this system at all. */
  supported: boolean;
  /** Names of the libraries that a library is linked with. */
  needs(path: string): string[];
  /** Loads a library; null, or why it can't be. */
  load(name: string): string | null;
  /** Asks the driver. @throws If it can't be loaded or started. */
  driver(): CudaDriver;
}

/** A driver's own description. */
export interface CudaDriver {
  /** Newest version of CUDA that it runs. */
  major: number;
  minor: number;
  devices: number;
}

const PROVIDERS = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
/** Loaded by the provider when it is first needed. */
const CUDNN = "libcudnn.so.9";
/** Libraries of NVIDIA's that a provider may be linked with; the driver's own is checked apart. */
const NVIDIA = /^lib(cudart|cublas|cublasLt|curand|cufft|cudnn|nvrtc)\.so/;

/** Checks everything, also after a failure. */
export function checkCuda(machine: CudaMachine = thisMachine()): CudaCheck[] {
  if (!machine.supported) {
    return [{
      what: "system",
      works: false,
      detail: "ONNX Runtime's library for JavaScript has CUDA on Linux x86_64 only: use backend: webgpu",
    }];
  }
  return [provider(machine), libraries(machine), cudnn(machine), driver(machine)];
}

/** The first thing that is missing, null when nothing is. cuDNN may be. */
export function cudaObstacle(checks: readonly CudaCheck[]): string | null {
  return checks.find(({ works, what }) => !works && what !== "cuDNN")?.detail ?? null;
}

function provider({ folder }: CudaMachine): CudaCheck {
  const missing = PROVIDERS.filter((name) => !isFile(join(folder, name)));
  return {
    what: "provider",
    works: missing.length === 0,
    detail: missing.length ? `put ${missing.join(" and ")} into ${folder}` : `in ${folder}`,
  };
}

function libraries({ folder, needs, load }: CudaMachine): CudaCheck {
  const what = "CUDA", path = join(folder, item(PROVIDERS, 1));
  if (!isFile(path)) return { what, works: false, detail: "which version is needed, the provider will say" };
  const names = needs(path).filter((name) => NVIDIA.test(name));
  const missing = names.filter((name) => load(name) !== null);
  return {
    what,
    works: missing.length === 0,
    detail: missing.length
      ? `install ${missing.join(", ")}, and name their folder in LD_LIBRARY_PATH`
      : names.join(", "),
  };
}

function cudnn({ load }: CudaMachine): CudaCheck {
  const why = load(CUDNN);
  const detail = why === null
    ? CUDNN
    : `${CUDNN} isn't found; without it some kernels of the provider take a slower way`;
  return { what: "cuDNN", works: why === null, detail };
}

function driver(machine: CudaMachine): CudaCheck {
  try {
    const { major, minor, devices } = machine.driver();
    const what = "driver", path = join(machine.folder, item(PROVIDERS, 1));
    const runtime = isFile(path)
      ? machine.needs(path).find((name) => name.startsWith("libcudart.so."))
      : null;
    const detail = `for CUDA up to ${major}.${minor}, ${devices} device${devices === 1 ? "" : "s"}`;
    if (devices === 0) return { what, works: false, detail: "NVIDIA's driver finds no CUDA device" };
    if (runtime && Number(runtime.split(".")[2]) > major) {
      return {
        what,
        works: false,
        detail: `update NVIDIA's driver: it is ${detail}, the provider needs ${runtime}`,
      };
    }
    return { what, works: true, detail };
  } catch (error) {
    return { what: "driver", works: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/** The machine that this runs on. */
export function thisMachine(): CudaMachine {
  const entry = new URL(import.meta.resolve("onnxruntime-node")).pathname;
  return {
    folder: join(dirname(dirname(entry)), "bin", "napi-v6", "linux", "x64"),
    supported: Deno.build.os === "linux" && Deno.build.arch === "x86_64",
    needs: neededLibraries,
    load: (name) => {
      try {
        Deno.dlopen(name, {}).close();
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    },
    driver: askDriver,
  };
}

/** Results of the driver's calls that a person can do something about. */
const RESULTS: Record<number, string> = {
  100: "it finds no CUDA device",
  803: "its kernel module is of another version: restart the machine",
  999: "unknown error: see dmesg, or restart the machine",
};

/** Version and devices, by the driver's own library. */
function askDriver(): CudaDriver {
  let library;
  try {
    library = Deno.dlopen("libcuda.so.1", {
      cuInit: { parameters: ["u32"], result: "i32" },
      cuDriverGetVersion: { parameters: ["buffer"], result: "i32" },
      cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
    });
  } catch {
    throw new Error("install NVIDIA's driver: libcuda.so.1, which it brings, isn't found");
  }
  try {
    const { cuInit, cuDriverGetVersion, cuDeviceGetCount } = library.symbols, out = new Int32Array(1);
    const result = cuInit(0);
    if (result !== 0) {
      throw new Error(
        `NVIDIA's driver doesn't start: ${RESULTS[result] ?? "look it up"} (CUDA error ${result})`,
      );
    }
    cuDriverGetVersion(out);
    const [major, minor] = [Math.floor(item(out, 0) / 1000), Math.floor(item(out, 0) % 1000 / 10)];
    cuDeviceGetCount(out);
    return { major, minor, devices: item(out, 0) };
  } finally {
    library.close();
  }
}

/**
 * Names in a 64-bit little-endian ELF library's DT_NEEDED entries.
 * @throws {TypeError} If it isn't a 64-bit ELF file
 * @throws {RangeError} If it ends too early
 */
export function neededLibraries(path: string): string[] {
  using file = Deno.openSync(path);
  const read = (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    file.seekSync(offset, Deno.SeekMode.Start);
    let done = 0;
    while (done < length) {
      const count = file.readSync(bytes.subarray(done));
      if (count === null) {
        throw new RangeError(`Cannot read ${path} as a library: it ends at ${offset + done}`);
      }
      done += count;
    }
    return new DataView(bytes.buffer);
  };
  const word = (view: DataView, offset: number) => Number(view.getBigUint64(offset, true));
  const header = read(0, 64);
  if (header.getUint32(0) !== 0x7f454c46 || header.getUint8(4) !== 2) {
    throw new TypeError(`Cannot read ${path} as a library: it isn't a 64-bit ELF file`);
  }
  const size = header.getUint16(54, true), table = read(word(header, 32), size * header.getUint16(56, true));
  const segments = Array.from({ length: table.byteLength / size }, (_, i) => ({
    type: table.getUint32(i * size, true),
    offset: word(table, i * size + 8),
    address: word(table, i * size + 16),
    length: word(table, i * size + 32),
  }));
  const dynamic = segments.find(({ type }) => type === 2);
  if (!dynamic) return [];
  const entries = read(dynamic.offset, dynamic.length), needed: number[] = [];
  let strings = 0, stringsLength = 0;
  for (let offset = 0; offset < entries.byteLength; offset += 16) {
    const tag = word(entries, offset), value = word(entries, offset + 8);
    if (tag === 1) needed.push(value);
    else if (tag === 5) strings = value;
    else if (tag === 10) stringsLength = value;
    else if (tag === 0) break;
  }
  const home = segments.find((s) => s.type === 1 && strings >= s.address && strings < s.address + s.length)!;
  const text = new Uint8Array(read(strings - home.address + home.offset, stringsLength).buffer);
  return needed.map((start) => new TextDecoder().decode(text.subarray(start, text.indexOf(0, start))));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
