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

/** Parts of the peak, in bytes. */
export function memoryOf(
  config: EstimateConfig,
  model: DecoderConfig,
  {
    place: { gpu, stack, checkpoints },
    weights: {
      parameters,
      trained,
      kept: keptNumbers,
      own,
      reached,
      head,
      headRows,
      adapted,
      saved,
      targeted,
      trainedNames,
      targetedNames,
    },
    rows,
    storage: { bytes, float32 = new Map(), wideRest = false },
    adapter,
    keeps = true,
    measure = null,
  }: {
    place: DevicePlace;
    weights: Weights;
    /** Also those of an average step. */
    rows: DataRows & { step: number };
    storage: Pick<WeightStorage, "bytes" | "float32" | "wideRest">;
    adapter: LoraConfig | null;
    /** Something is kept for a backward pass. */
    keeps?: boolean;
    /** What the loss measures of labels' distributions; default null. */
    measure?: LabelMeasure | null;
  },
): Estimate["memory"] {
  const { hiddenSize: d, intermediateSize: f, numHeads, numKeyValueHeads, headDim } = model;
  const q = numHeads * headDim, kv = numKeyValueHeads * headDim, atOnce = packRows(config, rows);
  // Values that a block hands to its backward pass (see kernels/engine/body/body.ts), and those that it needs while it runs.
  // The host's buffers are at most an eighth larger than what they hold, a sixteenth in the middle (kernels/backends/onnx/memory.ts).
  const before = Math.max(atOnce, Math.min(config.together ?? 0, rows.step));
  const all = keptWidth(model, "activations"), kept = 4 * before * all * (gpu ? 1 : 17 / 16);
  const scores = gpu ? atOnce * atOnce : QUERY_CHUNK * rows.largest;
  const masks = (adapter?.dropout ?? config.lora_dropout) > 0
    ? 4 * atOnce * adapted.reduce((sum, [, i]) => sum + i, 0)
    : 0;
  // Beside those of a plain block: inputs of norms behind sub-layers and of queries' and keys', with their gradients.
  const further = all - 2 * (d + q + kv + f);
  const working = 4 * atOnce * (6 * d + 6 * f + 4 * q + 4 * kv + 2 * further) + 12 * numHeads * scores;
  const isSparing = config.quantization_bit !== null;
  const keep = keepFor(true, { hostMemory: !gpu && config.backend !== "webgpu" }, isSparing);
  const layers = keeps ? reached * model.numLayers : 0;
  const activations = working +
    layers * (checkpoints ? 4 * before * keptWidth(model, keep) : kept) + masks * (stack ? layers : 1);
  // The head's gradient by smoothed labels has two parts more while it is made (see kernels/engine/decoder/head_graph.ts).
  const smoothed = head && config.label_smoothing_factor > 0 ? 8 * model.vocabSize * d : 0;
  // Of vectors, which stay float32, there are few. Frozen copies of what is trained beside adapters are float32, too.
  const counted = (name: string) => trainedNames.has(name) || (wideRest && targetedNames.has(name));
  const others = [...float32].reduce((sum, [name, count]) => counted(name) ? sum : sum + count, 0);
  const wide = own + saved + (wideRest ? targeted : 0) + others;
  // Logits; of a divergence those of both models, their logarithms and probabilities, and the gradient.
  const logits = measure === null ? 12 : measure === "top_entropy" ? 16 : 40;
  const original = measure === "divergence" ? 4 * own : 0;
  const memory = {
    weights: original + (parameters - wide) * bytes + 4 * wide,
    // the sum of gradients, a program's new one beside it, what the optimizer keeps; adapters' own values too
    trained: trained * (own > 0 ? 8 : 12) + 4 * keptNumbers,
    activations: activations + smoothed + logits * labelChunkFor(headRows) * headRows,
    runtime: RUNTIME_BYTES,
  };
  return { ...memory, total: Object.values(memory).reduce((a, b) => a + b, 0) };
}
