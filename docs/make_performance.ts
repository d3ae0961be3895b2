/**
 * Writes the tables of docs/performance_webgpu.md between `<!-- table NAME -->` and `<!-- end -->`, from the engine's own graphs,
 * the shaders' own dispatch lists and kernels/cost.ts: `deno run -A docs/make_performance.ts`. A test says when they are out
 * of date.
 * @module
 */
import { item } from "../formats/elements.ts";
import { countDispatches } from "../kernels/backends/webgpu/programs/without_device.ts";
import { kernelGraph } from "../kernels/contract.ts";
import { kernelCost } from "../kernels/cost.ts";
import { BENCH_CASES, type BenchCase } from "../kernels/bench_cases.ts";
import { adamWDefaults } from "../kernels/engine/optimizer/adamw.ts";
import { linearModules, ofLayer } from "../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../kernels/engine/decoder/decoder_config.ts";
import { stepGraphs } from "../kernels/engine/optimizer/device_optimizer.ts";
import { trainedShapes } from "../kernels/engine/weights/tuning.ts";
import { stretchesOf } from "../kernels/engine/weights/stretches.ts";

import { TABLE_DEVICES, TABLE_MODELS } from "./_performance_devices.ts";
import {
  ATTENTION_SHARE,
  bothWork,
  DEVICE_LIMITS,
  type DeviceWork,
  deviceWork,
  LAUNCH_SECONDS,
  MEMORY_SHARE,
  type ProgramWork,
  programWork,
  TABLE_LORA,
} from "./_performance_work.ts";

/** Tokens of the rows in the table of kernels, and of `deno task bench kernels` on a GPU. */
const ROWS = 512;

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
    ["kernel", "sizes", "MFLOP", "MB", "FLOP/byte", ...TABLE_DEVICES.map(({ name }) => name)],
    variants.map(([c, half]) => kernelRow(c, half)),
  );
}

function kernelRow({ kernel, dims, attrs, pairs, weight }: BenchCase, half: boolean): string[] {
  const size = dims(ROWS), sample = { note: "", dims: size, ...(attrs ? { attrs } : {}) };
  const cost = kernelCost(kernel, size, {
    ...(pairs ? { pairs: pairs(size) } : {}),
    ...(half ? { half: new Set([weight!]) } : {}),
  });
  const { seconds, dispatches } = deviceWork(
    kernel.name,
    size,
    cost,
    countDispatches(kernelGraph(kernel, sample), new Map(), DEVICE_LIMITS),
  );
  const shares = TABLE_DEVICES.map(({ peak, bandwidth }, i) => {
    const arithmetic = cost.flops / (item(seconds, i) * peak * 1e12);
    const memory = cost.bytes / (item(seconds, i) * bandwidth * 1e9);
    const launched = item(seconds, i) <= dispatches * LAUNCH_SECONDS;
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
  const models = TABLE_MODELS.map((model) => ({
    model,
    plain: programWork(model, false),
    half: programWork(model, true),
  }));
  const groups = ["products with a frozen weight", "attention", "LoRA", "norms, RoPE, SwiGLU, sums, biases"];
  const lines: string[][] = [];
  const cells = (pick: (p: ReturnType<typeof programWork>) => DeviceWork | undefined) =>
    models.flatMap(({ plain, half }) => {
      const a = pick(plain)!, b = pick(half)!;
      return [short(a.flops / 1e9), short(a.bytes / 1e6), short(b.bytes / 1e6)];
    });
  for (const pass of ["forward", "backward"] as const) {
    for (const group of groups) lines.push([`${pass}: ${group}`, ...cells((p) => p[pass].groups.get(group))]);
  }
  lines.push(["**both**", ...cells((p) => bothWork(p.forward.work, p.backward.work))]);
  lines.push(["backward, recomputing the forward pass", ...cells((p) => p.again.work)]);
  lines.push([
    "head, one chunk of labels, both ways",
    ...cells((p) => bothWork(p.head.work, p.headBackward.work)),
  ]);
  return table(
    [
      "",
      ...TABLE_MODELS.flatMap((
        { name, rows },
      ) => [`${name}, T = ${rows}: GFLOP`, "MB", "MB, float16 weights"]),
    ],
    lines,
  );
}

function timeTable(): string {
  const lines = TABLE_MODELS.flatMap((model) => {
    const { forward, backward, head, headBackward, embed, labels } = programWork(model, false),
      { numLayers } = model.config;
    const block = bothWork(forward.work, backward.work), chunks = Math.ceil(256 / labels);
    const pack = (i: number) =>
      item(embed.work.seconds, i) + numLayers * item(block.seconds, i) +
      chunks * (item(head.work.seconds, i) + item(headBackward.work.seconds, i));
    const time = (seconds: number) => seconds < 1 ? `${short(1e3 * seconds)} ms` : `${short(seconds)} s`;
    return [
      [
        `${model.name}, T = ${model.rows}: a block, both ways`,
        ...TABLE_DEVICES.map((_, i) => time(item(block.seconds, i))),
      ],
      [`${numLayers} blocks and 256 labels`, ...TABLE_DEVICES.map((_, i) => time(pack(i)))],
      ["8 such packs: a step", ...TABLE_DEVICES.map((_, i) => time(8 * pack(i)))],
    ];
  });
  return table(["", ...TABLE_DEVICES.map(({ name }) => name)], [
    ["float32 peak, TFLOP/s (makers' figures)", ...TABLE_DEVICES.map(({ peak }) => fixed(peak, 1))],
    ["bandwidth, GB/s (makers' figures)", ...TABLE_DEVICES.map(({ bandwidth }) => fixed(bandwidth))],
    [
      "products: share of peak, small tile, large tile",
      ...TABLE_DEVICES.map(({ small, large }) => `${fixed(100 * small)} %, ${fixed(100 * large)} %`),
    ],
    ["attention: share of peak", ...TABLE_DEVICES.map(() => `${fixed(100 * ATTENTION_SHARE)} %`)],
    ["what memory bounds: share of bandwidth", ...TABLE_DEVICES.map(() => `${fixed(100 * MEMORY_SHARE)} %`)],
    ...lines,
  ]);
}

function dispatchTable(): string {
  const all = TABLE_MODELS.map((model) => ({ model, p: programWork(model, false) }));
  const row = (name: string, pick: (p: ReturnType<typeof programWork>) => ProgramWork) => [
    name,
    ...all.flatMap(({ p }) => [fixed(pick(p).nodes), fixed(pick(p).dispatches)]),
  ];
  const count = (part: ProgramWork) => part.dispatches;
  const adamw = (config: DecoderConfig) => {
    const modules = Array.from(
      { length: config.numLayers },
      (_, i) => linearModules(config).map((module) => [ofLayer(i, module), TABLE_LORA] as const),
    ).flat();
    const tuning = { type: "lora", modules: Object.fromEntries(modules), dropout: 0 } as const;
    const specs = stretchesOf(trainedShapes(config, tuning), true).map((stretch) => ({
      own: stretch.name,
      ...stretch,
    }));
    const { squares, update } = stepGraphs(specs, adamWDefaults);
    // One more clips.
    return 1 + countDispatches(squares, new Map(), DEVICE_LIMITS) +
      countDispatches(update, new Map(), DEVICE_LIMITS);
  };
  const sums = all.map(({ model: { config }, p }) => {
    const chunks = Math.ceil(256 / p.labels);
    const pack = (backward: ProgramWork) =>
      count(p.embed) + config.numLayers * (count(p.forward) + count(backward)) +
      chunks * (count(p.head) + count(p.headBackward));
    const submits = 1 + 2 * config.numLayers + 2 * chunks;
    return { pack: pack(p.backward), again: pack(p.again), submits, optimizer: adamw(config) };
  });
  const line = (name: string, pick: (s: typeof sums[number]) => number) => [
    name,
    ...sums.flatMap((s) => ["", fixed(pick(s))]),
  ];
  return table([
    "",
    ...TABLE_MODELS.flatMap(({ name, rows }) => [`${name}, T = ${rows}: nodes`, "dispatches"]),
  ], [
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
