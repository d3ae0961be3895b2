/**
 * Memory and time that a run needs, by arithmetic: what `--dry-run` prints.
 * @module
 */
import type { LoraConfig } from "../../../formats/peft/mod.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { rowsOfStep, runLength } from "../../../plugins/trainers/local/batches/steps.ts";
import { leavesCpu, type TrainConfig } from "../config/mod.ts";
import { drawnCache, learntAtMost } from "./drawn.ts";
import { memoryOf } from "./memory.ts";
import { type DataRows, dataRows, type DevicePlace, devicePlace, weightsOf } from "./sizes.ts";
import type { Estimate, EstimateConfig } from "./types.ts";
import { workOf } from "./work.ts";
import type { WeightStorage } from "../weight_storage.ts";

/** Share of a matrix product's speed that a whole step reaches, as `deno task bench train` measures it. */
export const SHARE_OF_PEAK = 0.55;

/** What an estimate counts besides a run's configuration, model, loss and rows. */
export interface EstimateParts {
  /** Speed of a matrix product on this machine, 10⁹ operations a second; null: not measured. */
  gflops?: number | null;
  /** Form in which frozen matrices are kept; float32 by default. */
  storage?: WeightStorage;
  /** Settings of the adapter that is trained on, which count instead of the configuration's. */
  adapter?: LoraConfig | null;
  /** Model of its own whose pass gives the reference. */
  reference?: ReferenceSize | null;
  /** The model's files have matrices in few bits, which a model that draws answers keeps; default false. */
  isPacked?: boolean;
}

/** What a run learns, and from what. */
export interface EstimatedTraining {
  model: DecoderConfig;
  loss: Loss;
  train: readonly EncodedExample[];
  /** How many of what a micro-batch counts the examples are, laid together by `packing`; absent or null: each is one. */
  bins?: number | null;
}

/**
 * Estimates a run.
 * @param config With the chosen rows of a pack in `micro_batch_tokens`
 */
export function estimate(
  config: EstimateConfig,
  { model, loss, train, bins = null }: EstimatedTraining,
  parts: EstimateParts = {},
): Estimate {
  const { gflops = null, storage = { bytes: 4, text: "float32" }, adapter = null } = parts;
  const { reference: other = null, isPacked = false } = parts;
  const learnt = learntAtMost(config, train), isDrawn = config.stage === "grpo";
  const place = devicePlace(config),
    weights = weightsOf(config, model, adapter, loss.measure),
    rows = dataRows(learnt);
  const { totalSteps, stepsPerEpoch } = runLength(rowsOfStep(config), bins ?? train.length);
  const work = workOf(config, model, learnt, { place, weights, rows });
  // the reference's distributions, and what it says of answers that are drawn, are made anew at each step
  const isAgain = loss.labelMeasure === "divergence" || (isDrawn && loss.needsReference);
  const again = isAgain ? work.forward : 0;
  const flopsPerStep = (work.epoch + again) / stepsPerEpoch;
  const speed = gflops === null ? null : gflops * 1e9 * SHARE_OF_PEAK;
  const pass = other === null ? null : passOf(config, other, train, { place, rows });
  const reference = pass?.work ?? (loss.needsReference && !isDrawn ? work.forward : 0);
  return {
    parameters: weights.parameters,
    trained: weights.trained,
    kept: weights.kept,
    storage: storage.text,
    ...(storage.shaders !== undefined && { shaders: storage.shaders }),
    place: !place.gpu ? "host" : place.stack ? "device" : "device alone",
    processes: 1,
    steps: totalSteps,
    rowsPerExample: rows.all / Math.max(1, learnt.length),
    largestExample: rows.largest,
    memory: memoryOf(config, model, {
      place,
      weights,
      rows: { ...rows, step: rows.all / stepsPerEpoch },
      storage,
      adapter,
      measure: loss.labelMeasure ?? null,
      drawing: isDrawn ? { isPacked, cache: drawnCache(config, model, rows.largest) } : null,
    }),
    ...(isDrawn && { drawnTokens: config.max_new_tokens }),
    ...(pass !== null && { reference: pass.memory }),
    fewerBits: fewerBits(config, storage, other),
    flopsPerStep,
    gflops,
    time: speed === null ? null : {
      step: flopsPerStep / speed,
      reference: reference / speed,
      total: (flopsPerStep * totalSteps + reference) / speed,
    },
  };
}

/** Where a run may take 4 bits, by its other keys, and doesn't hold as few already. */
function fewerBits(
  config: EstimateConfig,
  { fewBits = false }: Pick<WeightStorage, "fewBits">,
  other: ReferenceSize | null,
): Estimate["fewerBits"] {
  const { adapter_name_or_path: { length: adapters }, create_new_adapter } = config;
  const onCpu = config.trainer === "local" && !leavesCpu(config);
  const isMerged = adapters > 1 || (adapters > 0 && create_new_adapter);
  return {
    model: onCpu && config.finetuning_type === "lora" && !config.pissa_init && !isMerged &&
      config.quantization_bit !== 4 && !fewBits,
    reference: onCpu && other !== null && config.ref_model_adapters.length <= 1 &&
      other.quantizationBit !== 4 && !other.storage.fewBits,
  };
}

/** A reference model: its sizes, and the form of its matrices. */
export interface ReferenceSize {
  decoder: DecoderConfig;
  quantizationBit: TrainConfig["quantization_bit"];
  storage: Pick<WeightStorage, "bytes" | "fewBits" | "float32">;
}

/** Work and memory of a reference model's pass, where nothing is trained or kept. */
function passOf(
  config: EstimateConfig,
  { decoder, quantizationBit, storage }: ReferenceSize,
  train: readonly EncodedExample[],
  { place, rows }: { place: DevicePlace; rows: DataRows },
): { work: number; memory: Estimate["memory"] } {
  const of = {
    ...config,
    finetuning_type: "full" as const,
    quantization_bit: quantizationBit,
    label_smoothing_factor: 0,
  };
  const { parameters, linear, headRows } = weightsOf(of, decoder, null);
  const weights = {
    parameters,
    linear,
    headRows,
    trained: 0,
    kept: 0,
    own: 0,
    tuned: 0,
    reached: 1,
    head: false,
    adapted: [],
    saved: 0,
    targeted: 0,
    trainedNames: new Set<string>(),
    targetedNames: new Set<string>(),
  };
  const { forward } = workOf(of, decoder, train, { place, weights, rows });
  const memory = memoryOf(of, decoder, {
    place,
    weights,
    rows: { ...rows, step: 0 },
    storage,
    adapter: null,
    keeps: false,
  });
  return { work: forward, memory };
}
