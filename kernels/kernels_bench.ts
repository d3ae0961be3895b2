/**
 * `deno task bench kernels`: what each kernel reaches on each backend, beside the peak measured on the same device.
 *
 * Sizes are those of one SmolLM2-135M block and head at `rows` tokens. Before anything is timed, every kernel is compared
 * with its float64 reference at the same features and fewer rows. FLOPs are the useful ones (recomputation isn't counted,
 * a masked score neither), bytes are each operand once.
 * @module
 */
import type { Backend, HostArray, Tensor } from "./backend.ts";
import { kernelGraph, runOnce, sampleInputs, worst } from "./contract.ts";
import type { Attributes, Dims, Kernel, Sample } from "./kernel.ts";
import { attention } from "./ops/attention.ts";
import { attentionGrad } from "./ops/attention_grad.ts";
import { labelLogprobUnit } from "./ops/label_logprob.ts";
import { linear } from "./ops/linear.ts";
import { loraUp } from "./ops/lora_up.ts";
import { matmul } from "./ops/matmul.ts";
import { matmulTn } from "./ops/matmul_tn.ts";
import { multiply } from "./ops/multiply.ts";
import { rmsNorm } from "./ops/rms_norm.ts";
import { rmsNormGrad } from "./ops/rms_norm_grad.ts";
import { rotary } from "./ops/rotary.ts";
import { swiglu } from "./ops/swiglu.ts";
import { swigluGrad } from "./ops/swiglu_grad.ts";
import { shader } from "./ops/_wgsl.ts";

/** What one measurement gave. */
export interface KernelTiming {
  backend: string;
  kernel: string;
  dims: Dims;
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

interface Case {
  kernel: Kernel;
  dims: (rows: number) => Dims;
  attrs?: Attributes;
  data?: (dims: Dims) => Record<string, number[]>;
  flops: (dims: Dims) => number;
}

const [HIDDEN, MIDDLE, HEADS, KV, HEAD, RANK] = [576, 1536, 9, 3, 64, 8];
const scores = { heads: HEADS, kv_heads: KV, scale: 1 / Math.sqrt(HEAD), window: null };

function causal({ rows }: Dims): Record<string, number[]> {
  return { until: Array(rows!).fill(rows!), positions: Array.from({ length: rows! }, (_, i) => i) };
}

function labels({ labels, vocab }: Dims): Record<string, number[]> {
  return { ids: Array.from({ length: labels! }, (_, i) => (i * 7919) % vocab!) };
}

const product = (name: readonly [string, string, string]) => (dims: Dims) =>
  2 * dims[name[0]]! * dims[name[1]]! * dims[name[2]]!;
const none = () => 0;

const CASES: readonly Case[] = [
  {
    kernel: linear,
    dims: (rows) => ({ rows, in: HIDDEN, out: MIDDLE }),
    flops: product(["rows", "in", "out"]),
  },
  {
    kernel: linear,
    dims: (rows) => ({ rows, in: HIDDEN, out: RANK }),
    flops: product(["rows", "in", "out"]),
  },
  {
    kernel: matmul,
    dims: (rows) => ({ rows, in: MIDDLE, out: HIDDEN }),
    flops: product(["rows", "in", "out"]),
  },
  {
    kernel: matmulTn,
    dims: (rows) => ({ rows, left: RANK, right: HIDDEN }),
    flops: product(["rows", "left", "right"]),
  },
  {
    kernel: loraUp,
    dims: (rows) => ({ rows, rank: RANK, out: MIDDLE }),
    flops: product(["rows", "rank", "out"]),
  },
  {
    kernel: attention,
    dims: (rows) => ({ queries: rows, rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
    flops: ({ rows, qcols }) => 2 * rows! * (rows! + 1) * qcols!,
  },
  {
    kernel: attentionGrad,
    dims: (rows) => ({ rows, qcols: HEADS * HEAD, kvcols: KV * HEAD }),
    attrs: scores,
    data: causal,
    flops: ({ rows, qcols }) => 5 * rows! * (rows! + 1) * qcols!,
  },
  {
    kernel: labelLogprobUnit,
    dims: (rows) => ({ labels: Math.max(8, rows / 4), cols: HIDDEN, vocab: 16 * rows }),
    data: labels,
    flops: ({ labels, cols, vocab }) => 4 * labels! * cols! * vocab!,
  },
  {
    kernel: rmsNorm,
    dims: (rows) => ({ rows, cols: HIDDEN, group: HIDDEN }),
    attrs: { eps: 1e-5 },
    flops: none,
  },
  {
    kernel: rmsNormGrad,
    dims: (rows) => ({ rows, cols: HIDDEN, group: HIDDEN }),
    attrs: { eps: 1e-5 },
    flops: none,
  },
  {
    kernel: rotary,
    dims: (rows) => ({ rows, cols: HEADS * HEAD, half: HEAD / 2 }),
    attrs: { heads: HEADS },
    flops: none,
  },
  { kernel: swiglu, dims: (rows) => ({ rows, cols: MIDDLE }), flops: none },
  { kernel: swigluGrad, dims: (rows) => ({ rows, cols: MIDDLE }), flops: none },
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
    for (const [index, { kernel, dims, attrs, data, flops }] of CASES.entries()) {
      const size = dims(rows), sample = sampleOf(size, attrs, data);
      const time = await measure(backend, kernel, sample, seconds);
      const gflops = flops(size) / time / 1e9, gbs = bytesOf(kernel, size) / time / 1e9;
      result.timings.push({
        backend: backend.name,
        kernel: kernel.name,
        dims: size,
        milliseconds: 1e3 * time,
        gflops,
        gbs,
        share: Math.max(gflops / peak.gflops, gbs / peak.gbs),
        error: errors.get(backend)![index]!,
      });
    }
    if (backend.name === "webgpu") {
      const sample = sampleOf(
        software ? { rows: 512, in: 512, out: 512 } : { rows: 2048, in: 2048, out: 2048 },
      );
      const naive = await measure(backend, naiveLinear, sample, seconds);
      result.tiledOverNaive = naive / await measure(backend, linear, sample, seconds);
    }
  }
  return result;
}

function sampleOf(dims: Dims, attrs?: Attributes, data?: Case["data"]): Sample {
  return { note: "bench", dims, ...(attrs ? { attrs } : {}), ...(data ? { data: data(dims) } : {}) };
}

/** Worst error of every case, in units of the tolerance. Long sums get √ of their length against the samples' 130. */
async function check(backend: Backend): Promise<number[]> {
  const errors: number[] = [];
  for (const { kernel, dims, attrs, data } of CASES) {
    const size = dims(36), sample = sampleOf(size, attrs, data), inputs = sampleInputs(kernel, sample);
    const expected = kernel.reference(inputs, size, attrs ?? {});
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

/** Bytes of inputs and outputs, each once. */
function bytesOf(kernel: Kernel, dims: Dims): number {
  const shapes = [...Object.values(kernel.inputs), ...Object.values(kernel.outputs)];
  return 4 * shapes.reduce((sum, axes) => sum + axes.reduce((n, axis) => n * dims[axis]!, 1), 0);
}

/** Seconds of a run: the median of three measurements of as many runs as fill about `seconds`. */
async function measure(backend: Backend, kernel: Kernel, sample: Sample, seconds: number): Promise<number> {
  const graph = kernelGraph(kernel, sample), inputs = sampleInputs(kernel, sample);
  const program = await backend.compile(graph, kernel.name);
  const tensors: Record<string, Tensor> = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, value]) => {
      const data = (value.type === "i32" ? Int32Array : Float32Array).from(inputs[name]!) as HostArray;
      return [name, backend.upload(data, value.shape as number[])];
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
  ];
  for (const peak of peaks) {
    lines.push("", `${peak.backend}: ${peak.description}`);
    lines.push(`  peak measured here: ${peak.gflops.toFixed(1)} GFLOP/s, ${peak.gbs.toFixed(1)} GB/s`, "");
    lines.push(
      `  ${"kernel".padEnd(20)}${"sizes".padEnd(40)}${
        ["ms", "GFLOP/s", "GB/s", "of peak"].map((h) => h.padStart(10)).join("")
      }`,
    );
    for (const t of timings.filter((t) => t.backend === peak.backend)) {
      const sizes = Object.entries(t.dims).map(([k, v]) => `${k} ${v}`).join(", ");
      const numbers = [
        t.milliseconds.toFixed(2),
        t.gflops ? t.gflops.toFixed(2) : "-",
        t.gbs.toFixed(2),
        `${(100 * t.share).toFixed(1)} %`,
      ];
      lines.push(`  ${t.kernel.padEnd(20)}${sizes.padEnd(40)}${numbers.map((n) => n.padStart(10)).join("")}`);
    }
  }
  if (tiledOverNaive !== null) {
    lines.push("", `WebGPU's tiled product is ${tiledOverNaive.toFixed(1)} times as fast as a naive one.`);
  }
  return lines.join("\n");
}
