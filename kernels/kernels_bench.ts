/**
 * `deno task bench kernels`: the speed of each kernel on each backend, beside the peak measured on the same device.
 *
 * Sizes are those of one SmolLM2-135M block and head at `rows` tokens. Before anything is timed, every kernel is compared
 * with its float64 reference at the same features and fewer rows. Operations and bytes are those of cost.ts: useful ones
 * (recomputation isn't counted, a masked score neither), and each operand once. Products with a frozen weight are measured
 * once more on float16 storage where the backend has it.
 * @module
 */
import { item } from "../formats/elements.ts";
import type { Backend, Tensor } from "./backend.ts";
import type { WebGpuBackend } from "./backends/webgpu/mod.ts";
import { hostArray, kernelGraph, runOnce, sampleInputs, worst } from "./contract.ts";
import { kernelCost } from "./cost.ts";
import { BENCH_CASES, type BenchCase } from "./bench_cases.ts";
import { type BenchProgress, timeProgram } from "./bench_time.ts";
import { MULTIPLY_ADDS, naiveLinear, registers } from "./bench_probes.ts";
import type { Dims, Kernel, Sample } from "./kernel.ts";
import { multiply } from "./ops/arithmetic/multiply.ts";
import { linear } from "./ops/products/products.ts";

/** Result of one measurement. */
export interface KernelTiming {
  backend: string;
  kernel: string;
  dims: Dims;
  /** Format of the frozen weight in memory; float32 where there is none. */
  storage: "float32" | "float16";
  milliseconds: number;
  gflops: number;
  /** GB/s of operands, each counted once. */
  gbs: number;
  /** Share of the device's measured peak, of FLOPs or of bytes, whichever is larger. */
  share: number;
  /** Worst error of the check, in units of the kernel's tolerance; ≤ 1. */
  error: number;
}

/** Peaks of a device as measured here. */
export interface Peak {
  backend: string;
  description: string;
  /** GFLOP/s: multiply-adds in registers (webgpu), a product of 1024³ (others). */
  gflops: number;
  /** GB/s of an elementwise product of large tensors. */
  gbs: number;
}

/** Measurements of all kernels on all backends. */
export interface KernelBench {
  rows: number;
  peaks: Peak[];
  timings: KernelTiming[];
  /** Speed of the tiled product relative to one that reads its operands from memory for every multiply-add. */
  tiledOverNaive: number | null;
}

/** Extent of a measurement. */
export interface KernelBenchOptions {
  /** Tokens of a row, a multiple of 4. Default 512; 64 on a software adapter. */
  rows?: number;
  /** Names of the kernels that are measured; then no naive product is. Default: all. */
  kernels?: readonly string[];
  /** Least time of one measurement, seconds. Default 0.2. */
  seconds?: number;
  /** Told, between measurements, how many of a backend's kernels are checked or timed, and which is next. */
  onProgress?: BenchProgress;
}

/**
 * Measures.
 * @throws {Error} If a kernel's values are wrong on a backend: nothing is timed then.
 */
export async function benchKernels(
  backends: readonly Backend[],
  options: KernelBenchOptions = {},
): Promise<KernelBench> {
  const seconds = options.seconds ?? 0.2;
  const software = backends.some((b) => (b as { software?: boolean }).software);
  const rows = options.rows ?? (software ? 64 : 512), { kernels, onProgress = () => {} } = options;
  const cases = kernels ? BENCH_CASES.filter(({ kernel }) => kernels.includes(kernel.name)) : BENCH_CASES;
  const result: KernelBench = { rows, peaks: [], timings: [], tiledOverNaive: null };
  // Nothing is timed before every backend is right.
  const checked: (readonly [Backend, number[]])[] = [];
  for (const backend of backends) checked.push([backend, await check(backend, cases, onProgress)]);
  for (const [backend, errors] of checked) {
    const peak = await measurePeak(backend, software, seconds);
    result.peaks.push(peak);
    const half = (backend as Partial<WebGpuBackend>).half ?? { storage: "none", kept: 0 };
    for (const [index, { kernel, dims, weight, pairs, ...rest }] of cases.entries()) {
      onProgress(`${backend.name}: timed`, index, cases.length, kernel.name);
      const size = dims(rows), sample = sampleOf(size, rest);
      for (const frozen of weight && half.storage !== "none" ? [[], [weight]] : [[]]) {
        const before = half.kept, time = await measure(backend, kernel, sample, { seconds, frozen });
        if (half.kept - before !== frozen.length) {
          throw new Error(`Cannot time kernel ${kernel.name} on float16: its weight was kept as float32`);
        }
        const cost = kernelCost(kernel, size, {
          half: new Set(frozen),
          ...(pairs ? { pairs: pairs(size) } : {}),
        });
        const gflops = cost.flops / time / 1e9, gbs = cost.bytes / time / 1e9;
        result.timings.push({
          backend: backend.name,
          kernel: kernel.name,
          dims: size,
          storage: frozen.length ? "float16" : "float32",
          milliseconds: 1e3 * time,
          gflops,
          gbs,
          share: Math.max(gflops / peak.gflops, gbs / peak.gbs),
          error: item(errors, index),
        });
      }
    }
    onProgress(`${backend.name}: timed`, cases.length, cases.length);
    if (backend.name === "webgpu" && !kernels) {
      const sample = sampleOf(
        software ? { rows: 512, in: 512, out: 512 } : { rows: 2048, in: 2048, out: 2048 },
      );
      // In turns, the best of each, so that the ratio holds on a noisy machine.
      let naive = Infinity, tiled = Infinity;
      for (let round = 0; round < 3; round++) {
        naive = Math.min(naive, await measure(backend, naiveLinear, sample, { seconds }));
        tiled = Math.min(tiled, await measure(backend, linear, sample, { seconds }));
      }
      result.tiledOverNaive = naive / tiled;
    }
  }
  return result;
}

function sampleOf(
  dims: Dims,
  { attrs, range, data }: Pick<BenchCase, "attrs" | "range" | "data"> = {},
): Sample {
  return {
    note: "bench",
    dims,
    ...(attrs ? { attrs } : {}),
    ...(range ? { range } : {}),
    ...(data ? { data: data(dims) } : {}),
  };
}

/** Worst error of every case, in units of the tolerance. Long sums get √ of their length against the samples' 130. */
async function check(
  backend: Backend,
  cases: readonly BenchCase[],
  onProgress: BenchProgress,
): Promise<number[]> {
  const errors: number[] = [];
  for (const { kernel, dims, ...rest } of cases) {
    onProgress(`${backend.name}: checked`, errors.length, cases.length, kernel.name);
    const size = dims(36), sample = sampleOf(size, rest), inputs = sampleInputs(kernel, sample);
    const expected = kernel.reference(inputs, size, rest.attrs ?? {});
    const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs);
    const scale = Math.sqrt(Math.max(1, (size.in ?? size.cols ?? 1) / 130));
    const { atol, rtol } = kernel.tolerance, tolerance = { atol: atol * scale, rtol: rtol * scale };
    const error = Math.max(
      ...Object.entries(expected).map(([name, v]) =>
        worst(actual[name] ?? new Float64Array(), v, tolerance).ratio
      ),
    );
    if (!(error <= 1)) {
      throw new Error(
        `Cannot time kernel ${kernel.name} on ${backend.name}: it is wrong by ${error} × tolerance`,
      );
    }
    errors.push(error);
  }
  onProgress(`${backend.name}: checked`, cases.length, cases.length);
  return errors;
}

async function measurePeak(backend: Backend, software: boolean, seconds: number): Promise<Peak> {
  const elements = software ? 2 ** 20 : 2 ** 24;
  const copy = await measure(backend, multiply, sampleOf({ rows: elements / 1024, cols: 1024 }), { seconds });
  const gbs = 3 * 4 * elements / copy / 1e9;
  const peak = { backend: backend.name, description: backend.description, gbs };
  if (backend.name === "webgpu") {
    // A millisecond on a fast card: shorter, and handing it over is measured too.
    const count = software ? 2 ** 12 : 2 ** 21;
    return {
      ...peak,
      gflops: 2 * count * MULTIPLY_ADDS /
        await measure(backend, registers, sampleOf({ rows: count }), { seconds }) / 1e9,
    };
  }
  const side = 1024;
  return {
    ...peak,
    gflops: 2 * side ** 3 /
      await measure(backend, linear, sampleOf({ rows: side, in: side, out: side }), { seconds }) / 1e9,
  };
}

/** Seconds of a run of one kernel. */
async function measure(
  backend: Backend,
  kernel: Kernel,
  sample: Sample,
  { seconds, frozen = [] }: { seconds: number; frozen?: readonly string[] },
): Promise<number> {
  const graph = kernelGraph(kernel, sample), inputs = sampleInputs(kernel, sample);
  const program = await backend.compile(graph, kernel.name);
  const tensors: Record<string, Tensor> = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, value]) => {
      const values = hostArray(value, inputs[name]);
      const isFrozen = frozen.includes(name);
      // Values that float16 holds, so that it is used.
      if (isFrozen) values.forEach((v, i) => values[i] = Math.f16round(v));
      return [name, backend.upload(values, value.shape as number[], { frozen: isFrozen })];
    }),
  );
  const { time, outputs } = await timeProgram(backend, program, tensors, seconds);
  for (const tensor of [...Object.values(tensors), ...Object.values(outputs)]) tensor.dispose();
  await program.dispose();
  return time;
}
