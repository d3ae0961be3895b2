/**
 * Memory and time that a run needs, by arithmetic: what `--dry-run` prints.
 *
 * Work of one token, N parameters of the blocks' linear layers: forward 2N, gradient of activations 2N, gradient of
 * weights 2N (only with `full`), once more forward 2N when activations aren't kept; attention on top.
 * @module
 */
import { valueOf } from "../../formats/elements.ts";
import { type LoraConfig, loraOf, matchTargets } from "../../formats/peft/mod.ts";
import { GraphBuilder } from "../../kernels/graph.ts";
import type { Backend } from "../../kernels/backend.ts";
import { describeSubgroups, webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { linear } from "../../kernels/ops/products.ts";
import { runLength } from "../../plugins/trainers/local/steps.ts";
import { isOneProgram, type TrainConfig } from "./config/mod.ts";
import type { EncodedExample } from "../../kernels/engine/encoded.ts";
import { QUERY_CHUNK } from "../../kernels/ops/attention.ts";
import { labelChunkFor } from "../../kernels/engine/head.ts";
import { examplePairs, exampleRows } from "../../kernels/engine/pack.ts";
import { DEFAULT_ROWS, type PackRows, packRowsText } from "../../kernels/engine/pack_rows.ts";
import { targetModules } from "../../plugins/kinds/lora_targets.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { LINEAR_MODULES, moduleShape, moduleShapes, tensorShapes } from "../../kernels/engine/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { chooseBackend } from "../../kernels/engine/backends.ts";
import type { WeightSource } from "../../formats/hf_model/mod.ts";

/**
 * Deno, ONNX Runtime and what its arena holds beyond need: the difference between the other parts and the resident memory
 * of SmolLM2's run in the benchmark.
 */
const RUNTIME_BYTES = 280e6;

/** Share of a matrix product's speed that a whole step reaches, as `deno task bench train` measures it. */
export const SHARE_OF_PEAK = 0.55;

/** Needs of a run in bytes and seconds. */
export interface Estimate {
  /** Weights of the model. */
  parameters: number;
  /** Weights that are trained. */
  trained: number;
  /** Storage of frozen matrices, in words. */
  storage: string;
  /** Subgroup functions of shaders, in words. */
  shaders?: string;
  /** Whose memory {@linkcode Estimate.memory} is. A device that keeps no tensors needs the weights in the host's memory too. */
  place: "host" | "device" | "device alone";
  /** Processes that each need it. */
  processes: number;
  /** Optimizer steps of the run. */
  steps: number;
  /** Rows that go through the model for an average example, shared beginnings once. */
  rowsPerExample: number;
  /** Rows of the largest example. */
  largestExample: number;
  /** Parts of the peak. */
  memory: { weights: number; trained: number; activations: number; runtime: number; total: number };
  /** Floating-point operations of a step. */
  flopsPerStep: number;
  /** 10⁹ operations a second of this machine; null when not measured. */
  gflops: number | null;
  /** null when the speed wasn't measured. */
  time: { step: number; reference: number; total: number } | null;
}

/** Keys of a configuration that decide what a run needs. */
export type EstimateConfig =
  & Parameters<typeof runLength>[0]
  & Pick<
    TrainConfig,
    | "finetuning_type"
    | "lora_target"
    | "lora_rank"
    | "lora_dropout"
    | "micro_batch_tokens"
    | "disable_gradient_checkpointing"
    | "backend"
    | "provider"
    | "cuda_tensors"
    | "quantization_bit"
  >;

/**
 * Estimates a run.
 * @param config With the chosen rows of a pack in `micro_batch_tokens`
 * @param gflops Speed of a matrix product on this machine, 10⁹ operations a second; null: not measured
 * @param storage Form in which frozen matrices are kept
 * @param adapter Settings of the adapter that is trained on, which count instead of the configuration's
 */
export function estimate(
  config: EstimateConfig,
  model: DecoderConfig,
  loss: Loss,
  train: readonly EncodedExample[],
  gflops: number | null,
  storage: WeightStorage = { half: false, text: "float32" },
  adapter: LoraConfig | null = null,
): Estimate {
  const size = (shapes: Iterable<number[]>) =>
    [...shapes].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const parameters = size(tensorShapes(model).values());
  const full = config.finetuning_type === "full";
  const shapes = moduleShapes(model), names = [...shapes.keys()];
  const adapted = full ? [] : matchTargets(
    adapter ?? { targetModules: targetModules(config.lora_target, names) },
    names,
  );
  const rankOf = (name: string) => adapter ? loraOf(adapter, name).r : config.lora_rank;
  const trained = full ? parameters : adapted.reduce((sum, name) => {
    const [rows, columns] = valueOf(shapes, name);
    return sum + rankOf(name) * (rows + columns);
  }, 0);
  const modules = LINEAR_MODULES.filter((module) => adapted.some((name) => name.endsWith(module)))
    .map((module) => moduleShape(model, module));

  const rows = train.map(exampleRows);
  const all = rows.reduce((a, b) => a + b, 0);
  const labels = train.reduce(
    (sum, { sequences }) => sum + sequences.reduce((n, s) => n + count(s.labels), 0),
    0,
  );
  const largest = rows.reduce((a, b) => Math.max(a, b), 0);
  const { totalSteps, stepsPerEpoch } = runLength(config, train.length);

  const linearSize = model.numLayers *
    LINEAR_MODULES.map((name) => moduleShape(model, name)).reduce((sum, [a, b]) => sum + a * b, 0);
  const gpu = config.provider !== "cpu" && (config.backend === "onnx" || config.backend === "auto");
  const stack = isOneProgram(config), checkpoints = !config.disable_gradient_checkpointing && !stack;
  const passes = (full ? 6 : 4) + (checkpoints || stack ? 2 : 0);
  const atOnce = Math.max(largest, config.micro_batch_tokens ?? DEFAULT_ROWS);
  // On a GPU of ONNX Runtime attention is whole: scores of all rows of a pack by all.
  const pairs = gpu ? all * atOnce : train.reduce((sum, example) => sum + examplePairs(example), 0);
  const attention = 2 * pairs * model.numHeads * model.headDim * model.numLayers;
  const head = labels * model.hiddenSize * model.vocabSize;
  const epoch = passes * (linearSize * all + attention) + (full ? 6 : 4) * head;
  const forward = 2 * (linearSize * all + attention + head);

  const { hiddenSize: d, intermediateSize: f, numHeads, numKeyValueHeads, headDim } = model;
  const q = numHeads * headDim, kv = numKeyValueHeads * headDim;
  // Values that a block hands to its backward pass (see kernels/engine/body.ts), and those that it needs while it runs.
  // The host's buffers are at most an eighth larger than what they hold, a sixteenth in the middle (kernels/backends/onnx/memory.ts).
  const kept = 4 * atOnce * (2 * d + 2 * q + 2 * kv + 2 * f) * (gpu ? 1 : 17 / 16);
  const scores = gpu ? atOnce * atOnce : QUERY_CHUNK * largest;
  const masks = (adapter?.dropout ?? config.lora_dropout) > 0 && !full
    ? 4 * atOnce * modules.reduce((sum, [, i]) => sum + i, 0)
    : 0;
  const working = 4 * atOnce * (6 * d + 6 * f + 4 * q + 4 * kv) + 12 * numHeads * scores;
  const activations = working +
    model.numLayers * (checkpoints ? 4 * atOnce * d : kept) + masks * (stack ? model.numLayers : 1);
  const bits = config.quantization_bit, packed = bits === null ? 0 : linearSize;
  // Codes, and a scale and a minimum for every 32 of them.
  const packedBytes = packed * ((bits ?? 0) / 8 + 8 / 32);
  const memory = {
    weights: packedBytes + (parameters - packed) * (storage.half ? 2 : 4), // of vectors, which stay float32, there are few
    trained: trained * (full ? 16 : 20), // the sum of gradients, a program's new one beside it, two moments; adapters' own values too
    activations: activations + 12 * labelChunkFor(model.vocabSize) * model.vocabSize,
    runtime: RUNTIME_BYTES,
    total: 0,
  };
  memory.total = memory.weights + memory.trained + memory.activations + memory.runtime;

  const flopsPerStep = epoch / stepsPerEpoch;
  const speed = gflops === null ? null : gflops * 1e9 * SHARE_OF_PEAK;
  const time = speed === null ? null : {
    step: flopsPerStep / speed,
    reference: loss.needsReference ? forward / speed : 0,
    total: (flopsPerStep * totalSteps + (loss.needsReference ? forward : 0)) / speed,
  };
  return {
    parameters,
    trained,
    storage: storage.text,
    ...(storage.shaders !== undefined && { shaders: storage.shaders }),
    place: !gpu ? "host" : stack ? "device" : "device alone",
    processes: 1,
    steps: totalSteps,
    rowsPerExample: all / Math.max(1, train.length),
    largestExample: largest,
    memory,
    flopsPerStep,
    gflops,
    time,
  };
}

/** Storage of frozen matrices where the run will run. */
export interface WeightStorage {
  /** float16 instead of float32. */
  half: boolean;
  /** In words, with the reason. */
  text: string;
  /** Subgroup functions of the shaders that run, or why there are none; absent without shaders. */
  shaders?: string;
}

/** Asks the backend of a run; whether float16 holds the values is tried on the first layer's. */
export async function weightStorage(
  config:
    & Pick<TrainConfig, "finetuning_type" | "fp16" | "bf16" | "quantization_bit">
    & Parameters<typeof chooseBackend>[0],
  weights: WeightSource,
): Promise<WeightStorage> {
  if (config.finetuning_type === "full") return { half: false, text: "float32, as all are trained" };
  if (config.quantization_bit !== null) {
    return {
      half: false,
      text: `${config.quantization_bit} bits at most in the layers' modules, float32 elsewhere`,
    };
  }
  const { choice } = await chooseBackend(config);
  if (choice.provider === "cuda" && choice.backend === "onnx" && (config.bf16 || config.fp16)) {
    return {
      half: true,
      text: config.bf16 ? "bfloat16, as bf16: true says" : "float16, as fp16: true says",
    };
  }
  if (choice.backend !== "webgpu") return { half: false, text: "float32" };
  const backend = await webgpuBackend({ half: config.fp16 ? "rounded" : "exact" });
  try {
    const shaders = describeSubgroups(backend.subgroups);
    if (backend.half.storage === "none") {
      return { half: false, text: `float32: ${backend.half.why}`, shaders };
    }
    const name = "model.layers.0.self_attn.q_proj.weight";
    backend.upload(weights.read(name), weights.shape(name)!, { frozen: true }).dispose();
    if (backend.half.kept === 0) {
      return { half: false, text: "float32, as float16 would round them (fp16: true does so)", shaders };
    }
    return {
      half: true,
      text: `float16, ${config.fp16 ? "as fp16: true says" : "which holds the file's values"}`,
      shaders,
    };
  } finally {
    await backend.dispose();
  }
}

/** Measures a matrix product of the model's size: 10⁹ operations a second, the best of three. */
export async function measureGflops(backend: Backend, model: DecoderConfig): Promise<number> {
  const [rows, inner, out] = [512, model.hiddenSize, model.intermediateSize];
  const g = new GraphBuilder();
  const graph = g.finish(g.run(linear, { x: g.input("x", [rows, inner]), w: g.input("w", [out, inner]) }));
  const program = await backend.compile(graph, "speed");
  const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 7) % 13 - 6) / 13);
  const x = backend.upload(ramp(rows * inner), [rows, inner]);
  const w = backend.upload(ramp(out * inner), [out, inner], { frozen: true });
  const repeats = Math.max(1, Math.ceil(2e9 / (2 * rows * inner * out)));
  let best = 0;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) {
      for (const tensor of Object.values(await program.run({ x, w }))) tensor.dispose();
    }
    const seconds = (performance.now() - start) / 1000;
    if (round > 0) best = Math.max(best, 2 * rows * inner * out * repeats / seconds / 1e9); // the first one warms up
  }
  for (const tensor of [x, w]) tensor.dispose();
  await program.dispose();
  return best;
}

/** The estimate as text. */
export function estimateText(e: Estimate, packs: PackRows | null = null): string {
  const gb = (bytes: number) =>
    bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const { memory, time } = e;
  return [
    `weights      ${e.storage}`,
    ...(e.shaders === undefined ? [] : [`shaders      ${e.shaders}`]),
    `parameters   ${millions(e.parameters)}, trained ${millions(e.trained)} (${
      (100 * e.trained / e.parameters).toFixed(2)
    } %)`,
    `rows         ${
      e.rowsPerExample.toFixed(0)
    } per example through the model (shared beginnings once), at most ${e.largestExample}`,
    ...(packs ? [`packs        ${packRowsText(packs)}`] : []),
    `steps        ${e.steps}`,
    `memory       about ${gb(memory.total)}${whose(e)}: weights ${gb(memory.weights)}, training state ${
      gb(memory.trained)
    }, activations ${gb(memory.activations)}, runtime ${gb(memory.runtime)}`,
    `work         ${(e.flopsPerStep / 1e12).toPrecision(3)} TFLOP per step`,
    time === null
      ? "time         not measured"
      : `time         about ${duration(time.total)}: ${duration(time.step)} per step at ${
        e.gflops!.toFixed(0)
      } GFLOP/s` +
        (time.reference > 0 ? `, reference log-probabilities ${duration(time.reference)}` : ""),
  ].join("\n");
}

function whose({ place, processes }: Pick<Estimate, "place" | "processes">): string {
  if (processes > 1) return ` of each of ${processes} processes${place === "device" ? "' devices" : ""}`;
  if (place === "device alone") return " of the device's";
  return place === "device" ? " of the device's, and as much as the weights of the host's" : "";
}

function count(labels: ArrayLike<number>): number {
  let n = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== -100) n++;
  return n;
}

function millions(n: number): string {
  return n >= 1e9
    ? `${(n / 1e9).toFixed(2)} billion`
    : n >= 1e6
    ? `${(n / 1e6).toFixed(1)} million`
    : String(n);
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toPrecision(2) : seconds.toFixed(0)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(0)} days`;
}
