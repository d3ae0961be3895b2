/**
 * Memory of a run at its peak.
 * @module
 */
import type { LoraConfig } from "../../../formats/peft/mod.ts";
import { keepFor, keptWidth } from "../../../kernels/engine/decoder/checkpointing.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { LabelMeasure } from "../../../kernels/engine/forward.ts";
import { labelChunkFor } from "../../../kernels/engine/head/head.ts";
import { QUERY_CHUNK } from "../../../kernels/ops/attention/attention.ts";
import { type DataRows, type DevicePlace, packRows, type Weights } from "./sizes.ts";
import type { Estimate, EstimateConfig } from "./types.ts";
import type { WeightStorage } from "../weight_storage.ts";

/**
 * Deno, ONNX Runtime and what its arena holds beyond need: the difference between the other parts and the resident memory
 * of SmolLM2's run in the benchmark.
 */
const RUNTIME_BYTES = 280e6;

/** What the memory of a run depends on, beside its configuration and its model. */
export interface MemoryInputs {
  place: DevicePlace;
  weights: Weights;
  /** Also those of an average step. */
  rows: DataRows & { step: number };
  storage: Pick<WeightStorage, "bytes" | "float32" | "wideRest">;
  adapter: LoraConfig | null;
  /** Something is kept for a backward pass; default true. */
  keeps?: boolean;
  /** What the loss measures of labels' distributions; default null. */
  measure?: LabelMeasure | null;
  /** The model that draws answers: whether its files have few bits, and bytes of its keys and values; default null: there is none. */
  drawing?: { isPacked: boolean; cache: number } | null;
}

/** Parts of the peak, in bytes. */
export function memoryOf(
  config: EstimateConfig,
  model: DecoderConfig,
  inputs: MemoryInputs,
): Estimate["memory"] {
  const { weights, storage, measure = null, drawing = null } = inputs;
  const { trained, kept, own, head, headRows } = weights;
  // The head's gradient by smoothed labels has two parts more while it is made (see kernels/engine/decoder/head_graph.ts).
  const smoothed = head && config.label_smoothing_factor > 0 ? 8 * model.vocabSize * model.hiddenSize : 0;
  // Logits; of a divergence those of both models, their logarithms and probabilities, and the gradient.
  const logits = measure === null ? 12 : measure === "top_entropy" ? 16 : 40;
  const original = measure === "divergence" ? 4 * own : 0;
  const memory = {
    weights: original + weightBytes(weights, storage),
    // the sum of gradients, a program's new one beside it, what the optimizer keeps; adapters' own values too
    trained: trained * (own > 0 ? 8 : 12) + 4 * kept,
    activations: activationBytes(config, model, inputs) + smoothed +
      logits * labelChunkFor(headRows) * headRows,
    runtime: RUNTIME_BYTES,
    ...(drawing && {
      // few bits stay few; what the training engine holds as 16 bits is float32 there
      drawing: drawing.cache +
        (drawing.isPacked || config.quantization_bit !== null
          ? weightBytes(weights, storage)
          : 4 * weights.parameters),
    }),
    ...(inputs.place.gpu ? {} : { saving: savingBytes(config, weights) }),
  };
  return { ...memory, total: Object.values(memory).reduce((a, b) => a + b, 0) };
}

/** The copy that is written to files (plugins/trainers/local/checkpoints/checkpoint.ts): trained tensors first, then what the optimizer keeps. */
function savingBytes({ save_only_model }: EstimateConfig, { trained, kept }: Weights): number {
  return 4 * Math.max(trained, save_only_model ? 0 : kept);
}

/** The weights as they lie in memory: in the storage's form but for what is trained or stays float32. */
function weightBytes(
  { parameters, own, saved, targeted, trainedNames, targetedNames }: Weights,
  { bytes, float32 = new Map(), wideRest = false }: MemoryInputs["storage"],
): number {
  // Of vectors, which stay float32, there are few. Frozen copies of what is trained beside adapters are float32, too.
  const isCounted = (name: string) => trainedNames.has(name) || (wideRest && targetedNames.has(name));
  const others = [...float32].reduce((sum, [name, count]) => isCounted(name) ? sum : sum + count, 0);
  const wide = own + saved + (wideRest ? targeted : 0) + others;
  return (parameters - wide) * bytes + 4 * wide;
}

/** Values that blocks hand to their backward pass (see kernels/engine/body/body.ts), and those that one needs while it runs. */
function activationBytes(
  config: EstimateConfig,
  model: DecoderConfig,
  { place: { gpu, stack, checkpoints }, weights: { reached, adapted }, rows, adapter, keeps = true }:
    MemoryInputs,
): number {
  const atOnce = packRows(config, rows);
  // The host's buffers are at most an eighth larger than what they hold, a sixteenth in the middle (kernels/backends/onnx/memory.ts).
  const before = Math.max(atOnce, Math.min(config.together ?? 0, rows.step));
  const kept = 4 * before * keptWidth(model, "activations") * (gpu ? 1 : 17 / 16);
  const masks = (adapter?.dropout ?? config.lora_dropout) > 0
    ? 4 * atOnce * adapted.reduce((sum, [, i]) => sum + i, 0)
    : 0;
  const isSparing = config.quantization_bit !== null;
  const keep = keepFor(true, { hostMemory: !gpu && config.backend !== "webgpu" }, isSparing);
  const layers = keeps ? reached * model.numLayers : 0;
  return workingBytes(model, atOnce, gpu ? atOnce * atOnce : QUERY_CHUNK * rows.largest) +
    layers * (checkpoints ? 4 * before * keptWidth(model, keep) : kept) + masks * (stack ? layers : 1);
}

/**
 * What a block needs while it runs forward and backward.
 * @param scores Of a head that are there at once
 */
function workingBytes(model: DecoderConfig, rows: number, scores: number): number {
  const { hiddenSize: d, intermediateSize: f, numHeads, numKeyValueHeads, headDim } = model;
  const q = numHeads * headDim, kv = numKeyValueHeads * headDim;
  // Beside those of a plain block: inputs of norms behind sub-layers and of queries' and keys', with their gradients.
  const further = keptWidth(model, "activations") - 2 * (d + q + kv + f);
  return 4 * rows * (6 * d + 6 * f + 4 * q + 4 * kv + 2 * further) + 12 * numHeads * scores;
}
