/**
 * Writes the tables of docs/performance_webgpu.md between `<!-- table NAME -->` and `<!-- end -->`, from the engine's own graphs,
 * the shaders' own dispatch lists and kernels/cost.ts: `deno run -A docs/make_performance.ts`. A test says when they are out
 * of date.
 * @module
 */
import { entryOf, item } from "../formats/elements.ts";
import { differentiate } from "../kernels/autodiff.ts";
import { countDispatches } from "../kernels/backends/webgpu/programs/plan.ts";
import { concreteSize } from "../kernels/sizes.ts";
import { kernelGraph } from "../kernels/contract.ts";
import { type Cost, kernelCost } from "../kernels/cost.ts";
import { fuseSums } from "../kernels/fuse.ts";
import { fused } from "../kernels/fuse_lora.ts";
import { type Graph, type Node, nodeSizes } from "../kernels/graph.ts";
import type { Dims } from "../kernels/kernel.ts";
import { BENCH_CASES, type BenchCase } from "../kernels/bench_cases.ts";
import { labelChunkOn } from "../kernels/engine/head/head.ts";
import { accumulating } from "../kernels/engine/programs/compiled.ts";
import { adamWDefaults } from "../kernels/engine/optimizer/adamw.ts";
import {
  blockGraph,
  embedGraph,
  linearModules,
  loraShapes,
  ofLayer,
} from "../kernels/engine/decoder/decoder.ts";
import { headBackwardGraph, headGraph } from "../kernels/engine/decoder/head_graph.ts";
import { attentionOf, type DecoderConfig } from "../kernels/engine/decoder/decoder_config.ts";
import { stepGraphs } from "../kernels/engine/optimizer/device_optimizer.ts";
import { trainedShapes } from "../kernels/engine/weights/parameters.ts";
import { stretchesOf } from "../kernels/engine/weights/stretches.ts";

/** Limits that WebGPU guarantees on every device; those that allow more need fewer dispatches. */
const LIMITS = { bindingBytes: 2 ** 27 };
/** Tokens of the rows in the table of kernels, and of `deno task bench kernels` on a GPU. */
const ROWS = 512;

/** Adapters of the tables. */
const LORA = { rank: 8, scale: 2 };

const common = {
  rmsNormEps: 1e-5,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
  slidingWindow: [],
  maxPositionEmbeddings: 0,
  eosTokenIds: [],
};

interface Model {
  name: string;
  rows: number;
  config: DecoderConfig;
}

const MODELS: readonly Model[] = [
  {
    name: "SmolLM2-135M",
    rows: 680,
    config: {
      ...common,
      modelType: "llama",
      hiddenSize: 576,
      intermediateSize: 1536,
      numLayers: 30,
      numHeads: 9,
      numKeyValueHeads: 3,
      headDim: 64,
      inverseFrequencies: new Float64Array(32),
      vocabSize: 49_152,
      qkvBias: false,
      tieWordEmbeddings: true,
    },
  },
  {
    name: "Qwen2-7B",
    rows: 2048,
    config: {
      ...common,
      modelType: "qwen2",
      hiddenSize: 3584,
      intermediateSize: 18_944,
      numLayers: 28,
      numHeads: 28,
      numKeyValueHeads: 4,
      headDim: 128,
      inverseFrequencies: new Float64Array(64),
      vocabSize: 152_064,
      qkvBias: true,
      tieWordEmbeddings: false,
    },
  },
];

interface Device {
  name: string;
  /** TFLOP/s of float32 and GB/s, as its maker says. */
  peak: number;
  bandwidth: number;
  /** Shares of `peak` that the two tiles of a product should reach. */
  small: number;
  large: number;
}

const DEVICES: readonly Device[] = [
  { name: "RTX 4060 Laptop", peak: 14.6, bandwidth: 256, small: 0.4, large: 0.5 },
  { name: "M2, 10 cores", peak: 3.6, bandwidth: 100, small: 0.35, large: 0.45 },
  { name: "A100", peak: 19.5, bandwidth: 1555, small: 0.45, large: 0.55 },
];

/** Shares of peak: attention's arithmetic, and the bandwidth of what is bound by memory. */
const ATTENTION = 0.15, MEMORY = 0.8;
/** Seconds that a dispatch takes at least: what encoding one took on this project's machine. */
const LAUNCH = 5e-6;

/** Operations and bytes of a piece of work. */
interface Work extends Cost {
  dispatches: number;
  /** Seconds on each of {@linkcode DEVICES}. */
  seconds: number[];
}

/** Share of arithmetic peak: a product's tile is chosen as ops/wgsl/product.ts does. */
function arithmeticShare(name: string, dims: Dims, device: Device): number {
  if (name.includes("attention")) return ATTENTION;
  const m = name.startsWith("matmul_tn") ? dims.left! : dims.rows ?? dims.labels ?? 1;
  const n = dims.out ?? dims.right ?? dims.vocab ?? 1;
  return Math.ceil(m / 128) * Math.ceil(n / 128) >= 64 && m > 64 ? device.large : device.small;
}

function workOf(name: string, dims: Dims, cost: Cost, dispatches: number): Work {
  const seconds = DEVICES.map((device) =>
    Math.max(
      cost.flops / (arithmeticShare(name, dims, device) * device.peak * 1e12),
      cost.bytes / (MEMORY * device.bandwidth * 1e9),
      dispatches * LAUNCH,
    )
  );
  return { ...cost, dispatches, seconds };
}

const NOTHING: Work = { flops: 0, bytes: 0, dispatches: 0, seconds: DEVICES.map(() => 0) };

function plus(a: Work, b: Work): Work {
  return {
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
    dispatches: a.dispatches + b.dispatches,
    seconds: a.seconds.map((s, i) => s + item(b.seconds, i)),
  };
}

/** A frozen weight's input among a product's, if it has one. */
function frozenInput(node: Node, frozen: ReadonlySet<number>): string | undefined {
  return node.kernel.halves?.find((name) => frozen.has(entryOf(node.inputs, name).id));
}

interface Part {
  /** Each product for itself: LoRA's are counted as such. */
  work: Work;
  /** Nodes and dispatches as WebGPU runs it, LoRA's products part of those beside them. */
  nodes: number;
  dispatches: number;
  /** By what the work is about. */
  groups: Map<string, Work>;
}

/** Work of a program as the WebGPU backend runs it. `half`: frozen matrices as float16. */
function partOf(given: Graph, sizes: ReadonlyMap<string, number>, half: boolean): Part {
  const graph = fuseSums(given), groups = new Map<string, Work>();
  const frozen = new Set(
    Object.entries(graph.inputs)
      .filter(([name, { shape }]) =>
        shape.length === 2 && (name === "w" || (name.endsWith("_proj.weight") && !name.startsWith("acc.")))
      )
      .map(([, { id }]) => id),
  );
  let work = NOTHING;
  for (const node of graph.nodes) {
    const dims = Object.fromEntries(
      Object.entries(nodeSizes(node)).map(([k, v]) => [k, concreteSize(v, sizes)]),
    );
    const weight = frozenInput(node, frozen);
    const cost = kernelCost(node.kernel, dims, half && weight ? { half: new Set([weight]) } : {});
    const outputs = node.outputs, alone: Graph = { inputs: {}, nodes: [node], outputs };
    const own = workOf(node.kernel.name, dims, cost, countDispatches(alone, sizes, LIMITS));
    const group = weight && !node.kernel.name.startsWith("label")
      ? "products with a frozen weight"
      : /attention/.test(node.kernel.name)
      ? "attention"
      : /^(linear|matmul|lora)/.test(node.kernel.name)
      ? "LoRA"
      : "norms, RoPE, SwiGLU, sums, biases";
    groups.set(group, plus(groups.get(group) ?? NOTHING, own));
    work = plus(work, own);
  }
  const { length } = fused(given).nodes;
  return { work, nodes: length, dispatches: countDispatches(given, sizes, LIMITS), groups };
}

/** The programs of a model with LoRA of rank 8 on every module. */
function programs({ config, rows }: Model, half: boolean) {
  const lora = Object.fromEntries(linearModules(config).map((name) => [name, LORA]));
  const trained = [...loraShapes(config, lora).keys()],
    block = blockGraph(config, attentionOf(config, 0), lora);
  const kept = differentiate(block, ["y"], ["x", ...trained], "activations");
  const again = differentiate(block, ["y"], ["x", ...trained], "inputs");
  // The tables' packs have 256.
  const labels = Math.min(256, labelChunkOn({ fewSizes: true }, config.vocabSize)),
    sizes = new Map([["T", rows], ["L", labels]]);
  const part = (graph: Graph) => partOf(graph, sizes, half);
  return {
    labels,
    embed: part(embedGraph(config)),
    forward: part(kept.forward),
    backward: part(accumulating(kept.backward, trained)),
    again: part(accumulating(again.backward, trained)),
    head: part(headGraph(config, true)),
    headBackward: part(headBackwardGraph(config)),
  };
}

const fixed = (value: number, digits = 0) => value.toFixed(digits);
const short = (value: number) => value === 0 ? "0" : value < 10 ? value.toPrecision(2) : value.toFixed(0);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Every kernel as the bench times it. */
function kernelTable(): string {
  const variants = BENCH_CASES.flatMap((c) =>
    c.weight ? [[c, false], [c, true]] as const : [[c, false]] as const
  );
  return table(
    ["kernel", "sizes", "MFLOP", "MB", "FLOP/byte", ...DEVICES.map(({ name }) => name)],
    variants.map(([c, half]) => kernelRow(c, half)),
  );
}

function kernelRow({ kernel, dims, attrs, pairs, weight }: BenchCase, half: boolean): string[] {
  const size = dims(ROWS), sample = { note: "", dims: size, ...(attrs ? { attrs } : {}) };
  const cost = kernelCost(kernel, size, {
    ...(pairs ? { pairs: pairs(size) } : {}),
    ...(half ? { half: new Set([weight!]) } : {}),
  });
  const { seconds, dispatches } = workOf(
    kernel.name,
    size,
    cost,
    countDispatches(kernelGraph(kernel, sample), new Map(), LIMITS),
  );
  const shares = DEVICES.map(({ peak, bandwidth }, i) => {
    const arithmetic = cost.flops / (item(seconds, i) * peak * 1e12);
    const memory = cost.bytes / (item(seconds, i) * bandwidth * 1e9);
    const launched = item(seconds, i) <= dispatches * LAUNCH;
    return `${short(100 * Math.max(arithmetic, memory))} % ${
      launched ? "L" : memory > arithmetic ? "B" : "F"
    }`;
  });
  const text = Object.entries(size).map(([name, value]) => `${name} ${value}`).join(", ");
  return [
    `\`${kernel.name}\`${half ? ", float16" : ""}`,
    text,
    short(cost.flops / 1e6),
    (cost.bytes / 1e6).toPrecision(2),
    short(cost.flops / cost.bytes),
    ...shares,
  ];
}

function blockTable(): string {
  const models = MODELS.map((model) => ({
    model,
    plain: programs(model, false),
    half: programs(model, true),
  }));
  const groups = ["products with a frozen weight", "attention", "LoRA", "norms, RoPE, SwiGLU, sums, biases"];
  const lines: string[][] = [];
  const cells = (pick: (p: ReturnType<typeof programs>) => Work | undefined) =>
    models.flatMap(({ plain, half }) => {
      const a = pick(plain)!, b = pick(half)!;
      return [short(a.flops / 1e9), short(a.bytes / 1e6), short(b.bytes / 1e6)];
    });
  for (const pass of ["forward", "backward"] as const) {
    for (const group of groups) lines.push([`${pass}: ${group}`, ...cells((p) => p[pass].groups.get(group))]);
  }
  lines.push(["**both**", ...cells((p) => plus(p.forward.work, p.backward.work))]);
  lines.push(["backward, recomputing the forward pass", ...cells((p) => p.again.work)]);
  lines.push([
    "head, one chunk of labels, both ways",
    ...cells((p) => plus(p.head.work, p.headBackward.work)),
  ]);
  return table(
    ["", ...MODELS.flatMap(({ name, rows }) => [`${name}, T = ${rows}: GFLOP`, "MB", "MB, float16 weights"])],
    lines,
  );
}

function timeTable(): string {
  const lines = MODELS.flatMap((model) => {
    const { forward, backward, head, headBackward, embed, labels } = programs(model, false),
      { numLayers } = model.config;
    const block = plus(forward.work, backward.work), chunks = Math.ceil(256 / labels);
    const pack = (i: number) =>
      item(embed.work.seconds, i) + numLayers * item(block.seconds, i) +
      chunks * (item(head.work.seconds, i) + item(headBackward.work.seconds, i));
    const time = (seconds: number) => seconds < 1 ? `${short(1e3 * seconds)} ms` : `${short(seconds)} s`;
    return [
      [
        `${model.name}, T = ${model.rows}: a block, both ways`,
        ...DEVICES.map((_, i) => time(item(block.seconds, i))),
      ],
      [`${numLayers} blocks and 256 labels`, ...DEVICES.map((_, i) => time(pack(i)))],
      ["8 such packs: a step", ...DEVICES.map((_, i) => time(8 * pack(i)))],
    ];
  });
  return table(["", ...DEVICES.map(({ name }) => name)], [
    ["float32 peak, TFLOP/s (makers' figures)", ...DEVICES.map(({ peak }) => fixed(peak, 1))],
    ["bandwidth, GB/s (makers' figures)", ...DEVICES.map(({ bandwidth }) => fixed(bandwidth))],
    [
      "products: share of peak, small tile, large tile",
      ...DEVICES.map(({ small, large }) => `${fixed(100 * small)} %, ${fixed(100 * large)} %`),
    ],
    ["attention: share of peak", ...DEVICES.map(() => `${fixed(100 * ATTENTION)} %`)],
    ["what memory bounds: share of bandwidth", ...DEVICES.map(() => `${fixed(100 * MEMORY)} %`)],
    ...lines,
  ]);
}

function dispatchTable(): string {
  const all = MODELS.map((model) => ({ model, p: programs(model, false) }));
  const row = (name: string, pick: (p: ReturnType<typeof programs>) => Part) => [
    name,
    ...all.flatMap(({ p }) => [fixed(pick(p).nodes), fixed(pick(p).dispatches)]),
  ];
  const count = (part: Part) => part.dispatches;
  const adamw = (config: DecoderConfig) => {
    const modules = Array.from(
      { length: config.numLayers },
      (_, i) => linearModules(config).map((module) => [ofLayer(i, module), LORA] as const),
    ).flat();
    const tuning = { type: "lora", modules: Object.fromEntries(modules), dropout: 0 } as const;
    const specs = stretchesOf(trainedShapes(config, tuning), true).map((stretch) => ({
      own: stretch.name,
      ...stretch,
    }));
    const { squares, update } = stepGraphs(specs, adamWDefaults);
    // One more clips.
    return 1 + countDispatches(squares, new Map(), LIMITS) + countDispatches(update, new Map(), LIMITS);
  };
  const sums = all.map(({ model: { config }, p }) => {
    const chunks = Math.ceil(256 / p.labels);
    const pack = (backward: Part) =>
      count(p.embed) + config.numLayers * (count(p.forward) + count(backward)) +
      chunks * (count(p.head) + count(p.headBackward));
    const submits = 1 + 2 * config.numLayers + 2 * chunks;
    return { pack: pack(p.backward), again: pack(p.again), submits, optimizer: adamw(config) };
  });
  const line = (name: string, pick: (s: typeof sums[number]) => number) => [
    name,
    ...sums.flatMap((s) => ["", fixed(pick(s))]),
  ];
  return table(["", ...MODELS.flatMap(({ name, rows }) => [`${name}, T = ${rows}: nodes`, "dispatches"])], [
    row("embedding", (p) => p.embed),
    row("block forward", (p) => p.forward),
    row("block backward, activations kept", (p) => p.backward),
    row("block backward, recomputing", (p) => p.again),
    [
      "labels of a chunk",
      ...all.flatMap(({ p }) => [fixed(p.labels), ""]),
    ],
    row("head, a chunk", (p) => p.head),
    row("head backward, a chunk", (p) => p.headBackward),
    line("**a pack of 256 labels, activations kept**", (s) => s.pack),
    line("a pack of 256 labels, recomputing", (s) => s.again),
    line("command buffers of a pack", (s) => s.submits),
    line("AdamW and the norm of the gradients, once a step", (s) => s.optimizer),
    line("**a step of 8 packs, activations kept**", (s) => 8 * s.pack + s.optimizer),
  ]);
}

/** The page with its tables regenerated. @throws {RangeError} If a table has no place there. */
export function performancePage(page: string): string {
  const tables = {
    kernels: kernelTable(),
    block: blockTable(),
    time: timeTable(),
    dispatches: dispatchTable(),
  };
  for (const [name, text] of Object.entries(tables)) {
    const start = `<!-- table ${name} -->\n`,
      from = page.indexOf(start),
      to = page.indexOf("\n<!-- end -->", from);
    if (from < 0 || to < 0) throw new RangeError(`Cannot place table ${name}: the page has no marks for it`);
    page = page.slice(0, from + start.length) + text + page.slice(to);
  }
  return page;
}

/** Where the page is. */
export const PAGE = new URL("./performance_webgpu.md", import.meta.url);

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, performancePage(await Deno.readTextFile(PAGE)));
}
