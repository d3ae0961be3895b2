/**
 * Memory and time that a run needs, by arithmetic: what `--dry-run` prints.
 *
 * Work of one token, N parameters of the blocks' linear layers: forward 2N, gradient of activations 2N, gradient of
 * weights 2N (only with `full`), once more forward 2N when activations aren't kept; attention on top.
 * @module
 */
import { valueOf } from "../../formats/elements.ts";
import { type LoraConfig, loraOf, matchTargets } from "../../formats/peft/mod.ts";
import { runLength } from "../../plugins/trainers/local/steps.ts";
import { isOneProgram, type TrainConfig } from "./config/mod.ts";
import type { EncodedExample } from "../../kernels/engine/encoded.ts";
import { keepFor } from "../../kernels/engine/checkpointing.ts";
import { QUERY_CHUNK } from "../../kernels/ops/attention.ts";
import { labelChunkFor } from "../../kernels/engine/head.ts";
import { examplePairs, exampleRows } from "../../kernels/engine/pack.ts";
import { DEFAULT_ROWS } from "../../kernels/engine/pack_rows.ts";
import { targetModules } from "../../plugins/kinds/lora_targets.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { LINEAR_MODULES, moduleShape, moduleShapes, tensorShapes } from "../../kernels/engine/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import type { WeightStorage } from "./weight_storage.ts";

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
  /** Parts of the peak of a reference model's pass, which is over before the policy is loaded; absent without one. */
  reference?: Estimate["memory"];
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
    | "use_dora"
    | "micro_batch_tokens"
    | "disable_gradient_checkpointing"
    | "backend"
    | "provider"
    | "cuda_tensors"
    | "quantization_bit"
    | "label_smoothing_factor"
  >
  & {
    /** Most rows of packs that are kept at once; absent: a pack's. */
    together?: number;
  };

/**
 * Estimates a run.
 * @param config With the chosen rows of a pack in `micro_batch_tokens`
 * @param gflops Speed of a matrix product on this machine, 10⁹ operations a second; null: not measured
 * @param storage Form in which frozen matrices are kept
 * @param adapter Settings of the adapter that is trained on, which count instead of the configuration's
 * @param other Model of its own whose pass gives the reference
 */
export function estimate(
  config: EstimateConfig,
  model: DecoderConfig,
  loss: Loss,
  train: readonly EncodedExample[],
  gflops: number | null,
  storage: WeightStorage = { half: false, text: "float32" },
  adapter: LoraConfig | null = null,
  other: ReferenceSize | null = null,
): Estimate {
  const place = placeOf(config), weights = weightsOf(config, model, adapter), rows = rowsOf(train);
  const { totalSteps, stepsPerEpoch } = runLength(config, train.length);
  const work = workOf(config, model, train, { place, weights, rows });
  const flopsPerStep = work.epoch / stepsPerEpoch;
  const speed = gflops === null ? null : gflops * 1e9 * SHARE_OF_PEAK;
  const pass = other === null ? null : passOf(config, other, train, { place, rows });
  const reference = pass?.work ?? (loss.needsReference ? work.forward : 0);
  return {
    parameters: weights.parameters,
    trained: weights.trained,
    storage: storage.text,
    ...(storage.shaders !== undefined && { shaders: storage.shaders }),
    place: !place.gpu ? "host" : place.stack ? "device" : "device alone",
    processes: 1,
    steps: totalSteps,
    rowsPerExample: rows.all / Math.max(1, train.length),
    largestExample: rows.largest,
    memory: memoryOf(config, model, {
      place,
      weights,
      rows: { ...rows, step: rows.all / stepsPerEpoch },
      half: storage.half,
      adapter,
    }),
    ...(pass !== null && { reference: pass.memory }),
    flopsPerStep,
    gflops,
    time: speed === null ? null : {
      step: flopsPerStep / speed,
      reference: reference / speed,
      total: (flopsPerStep * totalSteps + reference) / speed,
    },
  };
}

/** A reference model: its sizes, and the form of its matrices. */
export interface ReferenceSize {
  decoder: DecoderConfig;
  quantizationBit: TrainConfig["quantization_bit"];
  half: boolean;
}

/** Work and memory of a reference model's pass, where nothing is trained or kept. */
function passOf(
  config: EstimateConfig,
  { decoder, quantizationBit, half }: ReferenceSize,
  train: readonly EncodedExample[],
  { place, rows }: { place: Place; rows: Rows },
): { work: number; memory: Estimate["memory"] } {
  const of = {
    ...config,
    finetuning_type: "full" as const,
    quantization_bit: quantizationBit,
    label_smoothing_factor: 0,
  };
  const { parameters, linear } = weightsOf(of, decoder, null);
  const weights = { parameters, linear, full: false as const, trained: 0, adapted: [] };
  const { forward } = workOf(of, decoder, train, { place, weights, rows });
  const memory = memoryOf(of, decoder, {
    place,
    weights,
    rows: { ...rows, step: 0 },
    half,
    adapter: null,
    keeps: false,
  });
  return { work: forward, memory };
}

type Place = ReturnType<typeof placeOf>;
type Weights = ReturnType<typeof weightsOf>;
type Rows = ReturnType<typeof rowsOf>;

/** The way in which a backend runs the blocks: `gpu` of ONNX Runtime, `stack` all of them as one program. */
function placeOf(config: EstimateConfig) {
  const gpu = config.provider !== "cpu" && (config.backend === "onnx" || config.backend === "auto");
  const stack = isOneProgram(config);
  return { gpu, stack, checkpoints: !config.disable_gradient_checkpointing && !stack };
}

/** Numbers of a model's tensors. */
export function parametersOf(model: DecoderConfig): number {
  return [...tensorShapes(model).values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** Counts of the model's numbers: all, those of the blocks' linear modules, those that are trained; and the adapted modules' shapes. */
function weightsOf(config: EstimateConfig, model: DecoderConfig, adapter: LoraConfig | null) {
  const parameters = parametersOf(model);
  const linear = model.numLayers *
    LINEAR_MODULES.map((name) => moduleShape(model, name)).reduce((sum, [a, b]) => sum + a * b, 0);
  const full = config.finetuning_type === "full";
  if (full) return { parameters, linear, full, trained: parameters, adapted: [] };
  const shapes = moduleShapes(model), names = [...shapes.keys()];
  const targets = matchTargets(adapter ?? { targetModules: targetModules(config.lora_target, names) }, names);
  const rankOf = (name: string) => adapter ? loraOf(adapter, name).r : config.lora_rank;
  const trained = targets.reduce((sum, name) => {
    const [out, inner] = valueOf(shapes, name);
    return sum + rankOf(name) * (out + inner) + ((adapter?.useDora ?? config.use_dora) ? out : 0);
  }, 0);
  const adapted = LINEAR_MODULES.filter((module) => targets.some((name) => name.endsWith(module)))
    .map((module) => moduleShape(model, module));
  return { parameters, linear, full, trained, adapted };
}

/** Rows of all examples together and of the largest, and the learnt tokens. */
function rowsOf(train: readonly EncodedExample[]) {
  const rows = train.map(exampleRows);
  return {
    all: rows.reduce((a, b) => a + b, 0),
    largest: rows.reduce((a, b) => Math.max(a, b), 0),
    labels: train.reduce(
      (sum, { sequences }) => sum + sequences.reduce((n, s) => n + count(s.labels), 0),
      0,
    ),
  };
}

/** Rows of a pack at most: as many as are asked for and there are, or the largest example's. */
function packRows({ micro_batch_tokens }: EstimateConfig, { all, largest }: Rows): number {
  return Math.max(largest, Math.min(Math.max(all, DEFAULT_ROWS), micro_batch_tokens ?? DEFAULT_ROWS));
}

/** Floating-point operations of an epoch, and of a forward pass over all examples. */
function workOf(
  config: EstimateConfig,
  model: DecoderConfig,
  train: readonly EncodedExample[],
  { place: { gpu, stack, checkpoints }, weights: { linear, full }, rows }: {
    place: Place;
    weights: Weights;
    rows: Rows;
  },
): { epoch: number; forward: number } {
  const passes = (full ? 6 : 4) + (checkpoints || stack ? 2 : 0);
  // On a GPU of ONNX Runtime attention is whole: scores of all rows of a pack by all.
  const pairs = gpu
    ? rows.all * packRows(config, rows)
    : train.reduce((sum, example) => sum + examplePairs(example), 0);
  const attention = 2 * pairs * model.numHeads * model.headDim * model.numLayers;
  const head = rows.labels * model.hiddenSize * model.vocabSize;
  return {
    epoch: passes * (linear * rows.all + attention) + (full ? 6 : 4) * head,
    forward: 2 * (linear * rows.all + attention + head),
  };
}

/** Parts of the peak, in bytes. */
function memoryOf(
  config: EstimateConfig,
  model: DecoderConfig,
  {
    place: { gpu, stack, checkpoints },
    weights: { parameters, linear, full, trained, adapted },
    rows,
    half,
    adapter,
    keeps = true,
  }: {
    place: Place;
    weights: Weights;
    /** Also those of an average step. */
    rows: Rows & { step: number };
    half: boolean;
    adapter: LoraConfig | null;
    /** Something is kept for a backward pass. */
    keeps?: boolean;
  },
): Estimate["memory"] {
  const { hiddenSize: d, intermediateSize: f, numHeads, numKeyValueHeads, headDim } = model;
  const q = numHeads * headDim, kv = numKeyValueHeads * headDim, atOnce = packRows(config, rows);
  // Values that a block hands to its backward pass (see kernels/engine/body.ts), and those that it needs while it runs.
  // The host's buffers are at most an eighth larger than what they hold, a sixteenth in the middle (kernels/backends/onnx/memory.ts).
  const before = Math.max(atOnce, Math.min(config.together ?? 0, rows.step));
  const kept = 4 * before * (2 * d + 2 * q + 2 * kv + 2 * f) * (gpu ? 1 : 17 / 16);
  const scores = gpu ? atOnce * atOnce : QUERY_CHUNK * rows.largest;
  const masks = (adapter?.dropout ?? config.lora_dropout) > 0 && !full
    ? 4 * atOnce * adapted.reduce((sum, [, i]) => sum + i, 0)
    : 0;
  const working = 4 * atOnce * (6 * d + 6 * f + 4 * q + 4 * kv) + 12 * numHeads * scores;
  const bits = config.quantization_bit, packed = bits === null ? 0 : linear;
  const keep = keepFor(true, { hostMemory: !gpu && config.backend !== "webgpu" }, bits !== null);
  const inputs = keep === "dear" ? 2 * d + q : d;
  const layers = keeps ? model.numLayers : 0;
  const activations = working +
    layers * (checkpoints ? 4 * before * inputs : kept) + masks * (stack ? layers : 1);
  // The head's gradient by smoothed labels has two parts more while it is made (see kernels/engine/head_graph.ts).
  const smoothed = full && config.label_smoothing_factor > 0 ? 8 * model.vocabSize * d : 0;
  // Codes, and a scale and a minimum for every 32 of them.
  const packedBytes = packed * ((bits ?? 0) / 8 + 8 / 32);
  const memory = {
    weights: packedBytes + (parameters - packed) * (half ? 2 : 4), // of vectors, which stay float32, there are few
    trained: trained * (full ? 16 : 20), // the sum of gradients, a program's new one beside it, two moments; adapters' own values too
    activations: activations + smoothed + 12 * labelChunkFor(model.vocabSize) * model.vocabSize,
    runtime: RUNTIME_BYTES,
  };
  return { ...memory, total: Object.values(memory).reduce((a, b) => a + b, 0) };
}

function count(labels: ArrayLike<number>): number {
  let n = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== -100) n++;
  return n;
}
