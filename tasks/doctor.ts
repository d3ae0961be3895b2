/**
 * Says what this machine can do: versions, which backends and execution providers really run (each proven by kernels
 * whose results are checked against their float64 reference), threads, memory, cache folders.
 *
 * ```sh
 * deno task doctor
 * deno task doctor --json
 * ```
 * Prints one line a fact; exits with 1 when the default backend (onnx on the CPU) doesn't work.
 * @module
 */
import { entryOf, lastOf } from "../formats/elements.ts";
import { cacheFolder } from "../formats/cache_folder.ts";
import { exists } from "../formats/exists.ts";
import { defaultCacheDir } from "../formats/hub/mod.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "../kernels/contract.ts";
import { type Backend, KERNELS, onnxBackend, referenceBackend, webgpuBackend } from "../kernels/mod.ts";
import { nativeLibrary } from "../kernels/native/mod.ts";
import { defaultThreads } from "../kernels/threads.ts";
import { chooseBackend } from "../kernels/engine/backends.ts";
import { askPython, checkTorch, type TorchCheck } from "../plugins/trainers/torch/doctor.ts";
import { checkCuda, type CudaCheck, cudaObstacle } from "./doctor/cuda.ts";
import { libraryMessage } from "./doctor/library_message.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";
import { VERSION } from "./common/version.ts";
import { helpTopic, taskHelp } from "./common/cli/help.ts";
import { alignedRows } from "./common/report/table.ts";

const FLAGS = { "help [TOPIC]": "this text, or about one flag", json: "one JSON object" };

/** True if one backend runs here. */
export interface BackendCheck {
  /** As in a training file: `backend: onnx, provider: cpu`. */
  name: string;
  /** True if all probe kernels ran and were right. */
  works: boolean;
  /** Device and time of the probes, or why it doesn't work. */
  detail: string;
}

/** Findings of `doctor`. */
export interface DoctorReport {
  /** Name → version. */
  versions: Record<string, string>;
  /** Every backend and provider. */
  backends: BackendCheck[];
  /** Needs of `provider: cuda`. */
  cuda: CudaCheck[];
  /** Needs of `trainer: torch`. */
  torch: TorchCheck[];
  /** Choice of `backend: auto` here, and why. */
  auto: string;
  /** The code that multiplies by packed weights on the CPU, with the reason where it isn't an operator of our own. */
  packedProducts: string;
  /** Threads of a product, where nobody says how many. */
  threads: number;
  /** Of the machine, in bytes. */
  memory: { total: number; available: number };
  /** Cache folders. */
  caches: { what: string; path: string; exists: boolean }[];
}

/** Kernels that every training step uses; one that is wrong makes everything wrong. */
const PROBES: readonly string[] = ["linear", "rms_norm", "attention"];

/**
 * Gathers the report.
 * @param makeWebGpu Makes the WebGPU backend; tests on a machine whose only adapter is a CPU leave it out.
 */
export async function doctor(
  makeWebGpu: () => Promise<Backend> = () => webgpuBackend(),
): Promise<DoctorReport> {
  const { total, available } = Deno.systemMemoryInfo();
  const cuda = checkCuda(), obstacle = cudaObstacle(cuda);
  return {
    versions: {
      dinotune: VERSION,
      deno: Deno.version.deno,
      v8: Deno.version.v8,
      typescript: Deno.version.typescript,
      system: `${Deno.build.os} ${Deno.build.arch}`,
    },
    backends: [
      await check("backend: reference", () => referenceBackend()),
      await check("backend: onnx, provider: cpu", () => onnxBackend({ provider: "cpu" })),
      await check("backend: onnx, provider: cuda", () => {
        // Not even tried without its parts: the library would print errors that say less.
        if (obstacle !== null) throw new Error(obstacle);
        return onnxBackend({ provider: "cuda" });
      }),
      await check("backend: onnx, provider: cuda, cuda_tensors: device", () => {
        if (obstacle !== null) throw new Error(obstacle);
        return onnxBackend({ provider: "cuda", memory: "provider" });
      }),
      await check("backend: onnx, provider: webgpu", () => onnxBackend({ provider: "webgpu" })),
      await check("backend: webgpu", makeWebGpu),
    ],
    cuda,
    torch: checkTorch(await askPython()),
    auto: await automatic(),
    packedProducts: packedProducts(),
    threads: defaultThreads(),
    memory: { total, available },
    caches: cacheFolders(),
  };
}

function packedProducts(): string {
  const { path, reason } = nativeLibrary();
  return path ? `products by ${path}` : `products by ONNX Runtime's MatMulNBits, slower: ${reason}`;
}

async function check(name: string, make: () => Backend | Promise<Backend>): Promise<BackendCheck> {
  let backend: Backend | undefined;
  try {
    backend = await make();
    const start = performance.now();
    for (const probe of PROBES) await prove(backend, probe);
    const time = (performance.now() - start).toFixed(0);
    return {
      name,
      works: true,
      detail: `${backend.description}; ${PROBES.join(", ")} as their reference, ${time} ms`,
    };
  } catch (error) {
    return {
      name,
      works: false,
      detail: libraryMessage(error instanceof Error ? error.message : String(error)),
    };
  } finally {
    await backend?.dispose();
  }
}

/** @throws {Error} If a value is off by more than the kernel's tolerance */
async function prove(backend: Backend, name: string): Promise<void> {
  const kernel = KERNELS.find((candidate) => candidate.name === name);
  if (!kernel) throw new RangeError(`Cannot probe with the kernel ${name} as there is none of that name`);
  const sample = lastOf(kernel.samples);
  const inputs = sampleInputs(kernel, sample);
  const expected = kernel.reference(inputs, sample.dims, sample.attrs ?? {});
  const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs, { sizes: { ...sample.dims } });
  for (const [output, values] of Object.entries(expected)) {
    const { ratio, index } = worst(entryOf(actual, output), values, kernel.tolerance);
    if (!(ratio <= 1)) {
      throw new Error(
        `wrong result: ${name}.${output}[${index}] is ${entryOf(actual, output)[index]}, reference ${
          values[index]
        }`,
      );
    }
  }
}

async function automatic(): Promise<string> {
  const { choice, why } = await chooseBackend({ backend: "auto", provider: "cpu", threads: null });
  return `${choice.backend}, because ${why}`;
}

function cacheFolders(): DoctorReport["caches"] {
  return [
    { what: "models from the hub", path: defaultCacheDir() },
    { what: "encoded data", path: cacheFolder() },
  ].map((entry) => ({ ...entry, exists: exists(entry.path) }));
}

/** The report as text. */
export function doctorText(report: DoctorReport): string {
  const gb = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return [
    ...alignedRows([
      ...Object.entries(report.versions),
      ["packed weights", report.packedProducts],
      ["threads", String(report.threads)],
      ["memory", `${gb(report.memory.total)}, ${gb(report.memory.available)} free`],
    ]),
    "",
    ...alignedRows(report.backends.map(({ name, works, detail }) => [works ? "works" : "no", name, detail])),
    `backend: auto takes ${report.auto}`,
    "",
    "CUDA (docs/cuda.md)",
    ...alignedRows(report.cuda.map(({ what, works, detail }) => [works ? "there" : "no", what, detail])),
    "",
    "PyTorch, for trainer: torch (docs/scale.md)",
    ...alignedRows(report.torch.map(({ what, works, detail }) => [works ? "there" : "no", what, detail])),
    "",
    ...alignedRows(
      report.caches.map(({ what, path, exists }) => [what, `${path}${exists ? "" : " (not there yet)"}`]),
    ),
  ].join("\n");
}

if (import.meta.main) {
  await runTask(async () => {
    const given = parseArguments(Deno.args, FLAGS, 0, false);
    const { flags } = given;
    if (flags.has("help")) {
      return print(
        taskHelp(helpTopic(given), [
          "deno task doctor",
          "",
          "Examples:",
          "  deno task doctor           what can compute here, and what is missing",
          "  deno task doctor --json    the same for programs",
        ], FLAGS),
      );
    }
    // Mesa looks for a desktop by it, and prints an error for each device where nobody has set it
    if (Deno.build.os === "linux" && !Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/");
    const report = await doctor();
    print(flags.has("json") ? JSON.stringify(report, null, 2) : doctorText(report));
    return report.backends.some(({ name, works }) => works && name === "backend: onnx, provider: cpu")
      ? 0
      : 1;
  });
}
