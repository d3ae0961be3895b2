/**
 * `deno task bench kernels`: what each kernel reaches on each backend, beside the peak measured on the same device.
 *
 * Sizes are those of one SmolLM2-135M block and head at `rows` tokens. Before anything is timed, every kernel is compared
 * with its float64 reference at the same features and fewer rows. Operations and bytes are those of cost.ts: useful ones
 * (recomputation isn't counted, a masked score neither), and each operand once. Products with a frozen weight are measured
 * once more on float16 storage where the backend has it.
 * @module
 */
import type { Backend, HostArray, Tensor } from "./backend.ts";
import type { WebGpuBackend } from "./backends/webgpu/mod.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "./contract.ts";
import { costOf } from "./cost.ts";
import type { Attributes, Dims, Kernel, Sample } from "./kernel.ts";
import { adamw, adamwVector } from "./ops/adamw.ts";
import { add, addVector } from "./ops/add.ts";
import { addBias } from "./ops/add_bias.ts";
import { attention } from "./ops/attention.ts";
import { attentionGrad } from "./ops/attention_grad.ts";
import { cacheRows } from "./ops/cache_rows.ts";
import { cachedAttention } from "./ops/cached_attention.ts";
import { gatherRows } from "./ops/gather_rows.ts";
import { labelLogprob, labelLogprobUnit } from "./ops/label_logprob.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./ops/label_logprob_grad.ts";
import { linear } from "./ops/linear.ts";
import { loraUp } from "./ops/lora_up.ts";
import { matmul } from "./ops/matmul.ts";
import { matmulAdd, matmulTnAdd } from "./ops/matmul_add.ts";
import { matmulTn } from "./ops/matmul_tn.ts";
import { multiply } from "./ops/multiply.ts";
import { putRows } from "./ops/put_rows.ts";
import { rmsNorm } from "./ops/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./ops/rms_norm_grad.ts";
import { rotary } from "./ops/rotary.ts";
import { scaleRows } from "./ops/scale_rows.ts";
import { scatterAddRows } from "./ops/scatter_add_rows.ts";
import { sumRows } from "./ops/sum_rows.ts";
import { sumSquares, sumSquaresVector } from "./ops/sum_squares.ts";
import { swiglu } from "./ops/swiglu.ts";
import { swigluGrad } from "./ops/swiglu_grad.ts";
import { shader } from "./ops/_wgsl.ts";

/** What one measurement gave. */
export interface KernelTiming {
  backend: string;
  kernel: string;
  dims: Dims;
  /** How the frozen weight lies in memory; float32 where there is none. */
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

/** All measurements. */
export interface KernelBench {
  rows: number;
  peaks: Peak[];
  timings: KernelTiming[];
  /** How many times faster the tiled product is than one that reads its operands from memory for every multiply-add. */
  tiledOverNaive: number | null;
}

/** A kernel at sizes worth timing. */
export interface BenchCase {
  kernel: Kernel;
  dims: (rows: number) => Dims;
  attrs?: Attributes;
  range?: Sample["range"];
  data?: (dims: Dims) => Record<string, number[]>;
  pairs?: (dims: Dims) => number;
  /** An input that is a frozen weight: measured once more as float16 where the backend keeps such. */
  weight?: string;
}

const [HIDDEN, MIDDLE, HEADS, KV, HEAD, RANK, FRESH] = [576, 1536, 9, 3, 64, 8, 32];
const scores = { heads: HEADS, kv_heads: KV, scale: 1 / Math.sqrt(HEAD), window: null };
const optimizer = {
  attrs: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: true },
  range: { v: [0, 1] as const },
  data: () => ({ hyper: [2e-5, 1e-3, 1.5, 0.7] }),
};

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function causal({ rows }: Dims): Record<string, number[]> {
  return { until: Array(rows!).fill(rows!), positions: upTo(rows!) };
}

function ids({ labels, vocab, rows }: Dims): Record<string, number[]> {
  return { ids: upTo(labels!).map((i) => (i * 7919) % (vocab ?? rows)!) };
}

const hidden = (rows: number) => ({ rows, cols: HIDDEN });
const middle = (rows: number) => ({ rows, cols: MIDDLE });
const normed = (rows: number) => ({ rows, cols: HIDDEN, group: HIDDEN });
const head = (rows: number) => ({ labels: Math.max(8, rows / 4), cols: HIDDEN, vocab: 16 * rows });

/** Every kernel at least once, at sizes that it has in a block, the head, the optimizer or a step of generation. */
export const BENCH_CASES: readonly BenchCase[] = [
  { kernel: linear, dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE }), weight: "w" },
  { kernel: linear, dims: (rows) => ({ rows, in: HIDDEN, out: RANK }) },
  { kernel: linear, dims: (rows) => ({ rows: 1, in: HIDDEN, out: 32 * rows }), weight: "w" },
  { kernel: matmul, dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" },
  { kernel: matmulAdd, dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }), weight: "b" },
  { kernel: matmulTn, dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) },
  { kernel: matmulTnAdd, dims: (rows) => ({ rows, left: RANK, right: HIDDEN }) },
  { kernel: loraUp, dims: (rows) => ({ rows, rank: RANK, out: MIDDLE }) },
  {
    kernel: attention,
    dims: (rows) => ({ queries: rows, rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  },
  {
    kernel: attentionGrad,
    dims: (rows) => ({ rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
  },
  {
    kernel: cachedAttention,
    dims: (rows) => ({
      rows: 1,
      qcols: HEADS * HEAD,
      slots: 1,
      heads: KV,
      past: rows,
      d: HEAD,
      fresh: FRESH,
      kvcols: KV * HEAD,
    }),
    attrs: scores,
    data: ({ past }) => ({
      at: [past! + FRESH - 1],
      past_at: upTo(past!),
      fresh_at: upTo(FRESH).map((i) => past! + i),
    }),
    pairs: ({ past, fresh }) => past! + fresh!,
  },
  {
    kernel: cacheRows,
    dims: (rows) => ({
      slots: 1,
      heads: KV,
      past: rows,
      d: HEAD,
      rows: FRESH,
      cols: KV * HEAD,
      taken: 1,
      room: rows + FRESH,
    }),
    data: ({ room }) => ({ from: upTo(room!) }),
  },
  {
    kernel: putRows,
    dims: () => ({ rows: FRESH, cols: KV * HEAD, labels: 1 }),
    data: () => ({ ids: [5] }),
  },
  { kernel: labelLogprob, dims: head, data: ids },
  { kernel: labelLogprobUnit, dims: head, data: ids, weight: "w" },
  { kernel: labelLogprobGrad, dims: head, data: ids },
  { kernel: labelLogprobWeightGrad, dims: head, data: ids },
  {
    kernel: gatherRows,
    dims: (rows) => ({ rows: 16 * rows, cols: HIDDEN, labels: rows }),
    data: ids,
    weight: "x",
  },
  {
    kernel: scatterAddRows,
    dims: (rows) => ({ rows, cols: HIDDEN, labels: Math.max(8, rows / 4) }),
    data: ids,
  },
  { kernel: rmsNorm, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rmsNormGrad, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rmsNormWeightGrad, dims: normed, attrs: { eps: 1e-5 } },
  { kernel: rotary, dims: (rows) => ({ rows, cols: HEADS * HEAD, half: HEAD / 2 }), attrs: { heads: HEADS } },
  { kernel: swiglu, dims: middle },
  { kernel: swigluGrad, dims: middle },
  { kernel: add, dims: hidden },
  { kernel: addBias, dims: hidden },
  { kernel: multiply, dims: middle },
  { kernel: scaleRows, dims: hidden },
  { kernel: sumRows, dims: hidden },
  { kernel: addVector, dims: () => ({ rows: HIDDEN }) },
  { kernel: sumSquares, dims: () => ({ rows: RANK, cols: MIDDLE, one: 1 }) },
  { kernel: sumSquaresVector, dims: () => ({ rows: HIDDEN, one: 1 }) },
  { kernel: adamw, dims: () => ({ rows: RANK, cols: MIDDLE, hyper: 4 }), ...optimizer },
  { kernel: adamwVector, dims: () => ({ rows: HIDDEN, hyper: 4 }), ...optimizer },
];

/** The product as one writes it first; only for comparing. */
const naiveLinear: Kernel = {
  ...linear,
  name: "naive linear",
  wgsl: ({ rows, in: inner, out }) => ({
    dispatches: [shader({
      label: "naive linear",
      threads: 64,
      read: { x: {}, w: {} },
      write: { y: {} },
      sizes: { rows: rows!, depth: inner!, out: out! },
      groups: Math.ceil(rows! * out! / 64),
      body: `  let i = group * 64u + lane;
  if (i >= sizes.rows * sizes.out) { return; }
  let r = i / sizes.out; let c = i % sizes.out;
  var sum = 0f;
  for (var k = 0u; k < sizes.depth; k++) { sum += x[r * sizes.depth + k] * w[c * sizes.depth + k]; }
  y[i] = sum;`,
    })],
  }),
};

const CHAINS = 16, LENGTH = 512;

/** Multiply-adds in registers: what the arithmetic units can do at most. `rows` is the number of invocations. */
const registers: Kernel = {
  ...multiply,
  name: "multiply-adds in registers",
  inputs: { a: ["rows"] },
  outputs: { y: ["rows"] },
  wgsl: ({ rows }) => ({
    dispatches: [shader({
      label: "registers",
      threads: 64,
      read: { a: {} },
      write: { y: {} },
      sizes: { rows: rows! },
      groups: Math.ceil(rows! / 64),
      body: `  let i = group * 64u + lane;
  if (i >= sizes.rows) { return; }
  let f = vec4<f32>(a[i]);
${Array.from({ length: CHAINS / 4 }, (_, c) => `  var s${c} = vec4<f32>(${c}f);`).join("\n")}
  for (var k = 0u; k < ${LENGTH}u; k++) {
${Array.from({ length: CHAINS / 4 }, (_, c) => `    s${c} = fma(s${c}, f, f);`).join("\n")}
  }
  let s = ${Array.from({ length: CHAINS / 4 }, (_, c) => `s${c}`).join(" + ")};
  y[i] = s.x + s.y + s.z + s.w;`,
    })],
  }),
};

/** How much is measured. */
export interface KernelBenchOptions {
  /** Tokens of a row, a multiple of 4. Default 512; 64 on a software adapter. */
  rows?: number;
  /** Least time of one measurement, seconds. Default 0.2. */
  seconds?: number;
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
  const rows = options.rows ?? (software ? 64 : 512);
  const result: KernelBench = { rows, peaks: [], timings: [], tiledOverNaive: null };
  const errors = new Map<Backend, number[]>();
  for (const backend of backends) errors.set(backend, await check(backend));
  for (const backend of backends) {
    const peak = await measurePeak(backend, software, seconds);
    result.peaks.push(peak);
    const half = (backend as Partial<WebGpuBackend>).half ?? { storage: "none", kept: 0 };
    for (const [index, { kernel, dims, weight, pairs, ...rest }] of BENCH_CASES.entries()) {
      const size = dims(rows), sample = sampleOf(size, rest);
      for (const frozen of weight && half.storage !== "none" ? [[], [weight]] : [[]]) {
        const before = half.kept, time = await measure(backend, kernel, sample, seconds, frozen);
        if (half.kept - before !== frozen.length) {
          throw new Error(`Cannot time kernel ${kernel.name} on float16: its weight was kept as float32`);
        }
        const cost = costOf(kernel, size, {
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
          error: errors.get(backend)![index]!,
        });
      }
    }
    if (backend.name === "webgpu") {
      const sample = sampleOf(
        software ? { rows: 512, in: 512, out: 512 } : { rows: 2048, in: 2048, out: 2048 },
      );
      // In turns, the best of each, so that the ratio holds on a noisy machine.
      const best = [Infinity, Infinity];
      for (let round = 0; round < 3; round++) {
        for (const [i, kernel] of [naiveLinear, linear].entries()) {
          best[i] = Math.min(best[i]!, await measure(backend, kernel, sample, seconds));
        }
      }
      result.tiledOverNaive = best[0]! / best[1]!;
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
async function check(backend: Backend): Promise<number[]> {
  const errors: number[] = [];
  for (const { kernel, dims, ...rest } of BENCH_CASES) {
    const size = dims(36), sample = sampleOf(size, rest), inputs = sampleInputs(kernel, sample);
    const expected = kernel.reference(inputs, size, rest.attrs ?? {});
    const actual = await runOnce(backend, kernelGraph(kernel, sample), inputs);
    const scale = Math.sqrt(Math.max(1, (size.in ?? size.cols ?? 1) / 130));
    const { atol, rtol } = kernel.tolerance, tolerance = { atol: atol * scale, rtol: rtol * scale };
    const error = Math.max(
      ...Object.entries(expected).map(([name, v]) => worst(actual[name]!, v, tolerance).ratio),
    );
    if (!(error <= 1)) {
      throw new Error(
        `Cannot time kernel ${kernel.name} on ${backend.name}: it is wrong by ${error} × tolerance`,
      );
    }
    errors.push(error);
  }
  return errors;
}

async function measurePeak(backend: Backend, software: boolean, seconds: number): Promise<Peak> {
  const elements = software ? 2 ** 20 : 2 ** 24;
  const copy = await measure(backend, multiply, sampleOf({ rows: elements / 1024, cols: 1024 }), seconds);
  const gbs = 3 * 4 * elements / copy / 1e9;
  const at = { backend: backend.name, description: backend.description, gbs };
  if (backend.name === "webgpu") {
    const count = software ? 2 ** 12 : 2 ** 18;
    return {
      ...at,
      gflops: 2 * count * CHAINS * LENGTH /
        await measure(backend, registers, sampleOf({ rows: count }), seconds) / 1e9,
    };
  }
  const side = 1024;
  return {
    ...at,
    gflops: 2 * side ** 3 /
      await measure(backend, linear, sampleOf({ rows: side, in: side, out: side }), seconds) / 1e9,
  };
}

/** Seconds of a run: the median of three measurements of as many runs as fill about `seconds`. */
async function measure(
  backend: Backend,
  kernel: Kernel,
  sample: Sample,
  seconds: number,
  frozen: readonly string[] = [],
): Promise<number> {
  const graph = kernelGraph(kernel, sample), inputs = sampleInputs(kernel, sample);
  const program = await backend.compile(graph, kernel.name);
  const tensors: Record<string, Tensor> = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, value]) => {
      const data = (value.type === "i32" ? Int32Array : Float32Array).from(inputs[name]!) as HostArray;
      const isFrozen = frozen.includes(name);
      // Values that float16 holds, so that it is used.
      if (isFrozen) data.forEach((v, i) => data[i] = Math.f16round(v));
      return [name, backend.upload(data, value.shape as number[], { frozen: isFrozen })];
    }),
  );
  const finish = (backend as { finish?: () => Promise<void> }).finish ?? (() => Promise.resolve());
  let outputs: Record<string, Tensor> = await program.run(tensors);
  const timed = async (runs: number) => {
    await finish();
    const start = performance.now();
    for (let i = 0; i < runs; i++) outputs = await program.run(tensors, outputs);
    await finish();
    return (performance.now() - start) / 1e3 / runs;
  };
  // A device is asked for finished work only every 10 ms, so a measurement has to be long beside that.
  let runs = 1;
  while (runs < 4096 && runs * await timed(runs) < seconds / 2) runs *= 4;
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await timed(runs));
  for (const tensor of [...Object.values(tensors), ...Object.values(outputs)]) tensor.dispose();
  await program.dispose();
  return times.sort((a, b) => a - b)[1]!;
}

/** A table for people. */
export function kernelBenchText({ rows, peaks, timings, tiledOverNaive }: KernelBench): string {
  const lines = [
    `One SmolLM2-135M block and head at ${rows} tokens; every kernel was first compared with its float64 reference.`,
    "Small operands stay in caches, which the peak of bytes, taken on large ones, doesn't have: shares above 100 %.",
  ];
  for (const peak of peaks) {
    lines.push("", `${peak.backend}: ${peak.description}`);
    lines.push(`  peak measured here: ${peak.gflops.toFixed(1)} GFLOP/s, ${peak.gbs.toFixed(1)} GB/s`, "");
    lines.push(
      `  ${"kernel".padEnd(26)}${"weight".padEnd(8)}${
        ["ms", "GFLOP/s", "GB/s", "of peak"].map((h) => h.padStart(9)).join("")
      }  sizes`,
    );
    for (const t of timings.filter((t) => t.backend === peak.backend)) {
      const sizes = Object.entries(t.dims).map(([k, v]) => `${k} ${v}`).join(", ");
      const numbers = [
        t.milliseconds.toFixed(2),
        t.gflops ? t.gflops.toFixed(2) : "-",
        t.gbs.toFixed(2),
        `${(100 * t.share).toFixed(1)} %`,
      ];
      const storage = t.storage === "float16" ? "float16" : "";
      lines.push(
        `  ${t.kernel.padEnd(26)}${storage.padEnd(8)}${numbers.map((n) => n.padStart(9)).join("")}  ${sizes}`,
      );
    }
  }
  if (tiledOverNaive !== null) {
    lines.push("", `WebGPU's tiled product is ${tiledOverNaive.toFixed(1)} times as fast as a naive one.`);
  }
  return lines.join("\n");
}
