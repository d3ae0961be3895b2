/**
 * Backends in tests: each one that can run here, and the reason in the test's name where one is left out.
 *
 * A WebGPU adapter that is a CPU is right but slow (minutes for the kernels' contract on a busy machine), so it is taken only
 * when asked for, by `deno task test:all` or by one of two variables.
 * @module
 */
import type { Backend } from "../backend.ts";
import { onnxBackend } from "../backends/onnx/mod.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { isSoftware, webgpuBackend } from "../backends/webgpu/mod.ts";
import { kernelGraph, runOnce, sampleInputs } from "../contract.ts";
import type { Sample } from "../kernel.ts";
import { linear } from "../ops/products/products.ts";
import { listed } from "./aim.ts";

/** A backend for tests. */
export interface TestBackend {
  /** For test names: the backend, and the reason when ignored. */
  name: string;
  ignore: boolean;
  make(): Promise<Backend>;
}

/** Environment variables that choose backends. */
export interface BackendVariables {
  /** Comma-separated: only these are tested, and one that can't run is a failure. */
  BACKENDS?: string | undefined;
  /** Comma-separated: these must run; others run where they can. `cuda` is tested only when named here or in BACKENDS. */
  REQUIRE_BACKENDS?: string | undefined;
  /** Not empty: an adapter that is a CPU is tested, too. */
  TEST_ALL?: string | undefined;
}

/** Constructors of backends; replaced by tests of this file. */
export interface BackendSources {
  make: Readonly<Record<string, () => Promise<Backend>>>;
  /** Description of a WebGPU adapter that is a CPU, null where there is none or it is a GPU. */
  softwareAdapter(): Promise<string | null>;
}

/**
 * Backends in tests, every one of them, ignored where it is left out.
 * @throws {RangeError} If a variable names an unknown backend.
 * @throws {Error} If a backend that a variable names can't run.
 */
export async function testBackends(
  choice: BackendVariables = environment(),
  { make, softwareAdapter }: BackendSources = SOURCES,
): Promise<TestBackend[]> {
  const known = Object.keys(make);
  const only = listed("BACKENDS", choice.BACKENDS, known);
  const required = [...only, ...listed("REQUIRE_BACKENDS", choice.REQUIRE_BACKENDS, known)];
  const asked = Object.entries(make).filter(([name]) => name !== "cuda" || required.includes(name));
  return await Promise.all(asked.map(async ([name, makeOne]) => {
    const left = (reason: string) => ({ name: `${name}: ${reason}`, ignore: true, make: makeOne });
    if (only.length && !only.includes(name)) return left("left out by BACKENDS");
    if (name === "webgpu" && !required.includes(name) && !choice.TEST_ALL) {
      const software = await softwareAdapter();
      if (software !== null) {
        return left(
          `the only adapter, ${software}, is a CPU; deno task test:all or BACKENDS=webgpu takes it`,
        );
      }
    }
    try {
      await (await makeOne()).dispose();
      return { name, ignore: false, make: makeOne };
    } catch (error) {
      if (required.includes(name)) throw error;
      return left((error as Error).message);
    }
  }));
}

/**
 * The WebGPU backend in tests; ignored where it is left out.
 * @throws {Error} If it isn't among the backends in tests
 */
export async function testWebGpu(): Promise<TestBackend> {
  const found = (await testBackends()).find(({ name }) => name.startsWith("webgpu"));
  if (!found) throw new Error("Cannot test WebGPU: it isn't among the backends in tests");
  return found;
}

/** A value of DENO_WEBGPU_BACKEND with which a child process finds no adapter: Metal exists on macOS only, DirectX on Windows. */
export const NO_ADAPTER: string = Deno.build.os === "darwin" ? "dx12" : "metal";

const SOURCES: BackendSources = {
  make: {
    reference: () => Promise.resolve(referenceBackend()),
    onnx: () => Promise.resolve(onnxBackend()),
    webgpu: () => webgpuBackend(),
    cuda,
  },
  softwareAdapter,
};

/** Description of a WebGPU adapter that is a CPU, null where there is none or it is a GPU. */
export async function softwareAdapter(): Promise<string | null> {
  const gpu = (navigator as Partial<Navigator>).gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  return adapter && isSoftware(adapter.info) ? adapter.info.description || "unnamed" : null;
}

/** ONNX Runtime's CUDA provider, once it has run something. */
async function cuda(): Promise<Backend> {
  const backend = onnxBackend({ provider: "cuda" });
  const sample: Sample = { note: "one element", dims: { rows: 1, in: 1, out: 1 } };
  await runOnce(backend, kernelGraph(linear, sample), sampleInputs(linear, sample), {
    sizes: { ...sample.dims },
  });
  return backend;
}

function environment(): BackendVariables {
  const { get } = Deno.env;
  return { BACKENDS: get("BACKENDS"), REQUIRE_BACKENDS: get("REQUIRE_BACKENDS"), TEST_ALL: get("TEST_ALL") };
}
