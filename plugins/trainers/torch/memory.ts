/**
 * Memory of one of PyTorch's processes, by arithmetic (docs/scale.md has the formulas and the table).
 * @module
 */
import { linearModules, moduleShape } from "../../../kernels/engine/decoder/decoder.ts";
import type { RunMemory, RunSize } from "../../kinds/trainer.ts";
import type { EngineChoices } from "./options.ts";

/** PyTorch's allocator, libraries and a CUDA context. */
const RUNTIME_BYTES = 1.5e9;
/** Bytes of NF4 for one weight of a block, scales included. */
const NF4_BYTES = 0.56;
/** Logits of the head's tiles, and bytes of kept ones: head.py. */
const HEAD_TILE = { gpu: 2 ** 25, cpu: 2 ** 21 }, HEAD_KEPT = 2 ** 28;

/** What processes run on. */
export interface ProcessPlace {
  /** All nodes together. */
  processes: number;
  /** A GPU each, rather than a CPU's cores. */
  onGpus: boolean;
}

/** Bytes of one process. */
export function processMemory(
  size: RunSize,
  choices: EngineChoices,
  { processes, onGpus }: ProcessPlace,
): RunMemory["memory"] {
  const { decoder, parameters, trained, kept, own, valueHead, rows, checkpointing } = size;
  const { dtype, sharding, quantization, cpu_offload, reshard_after_forward } = choices;
  const { numLayers, hiddenSize: h, intermediateSize: f, numKeyValueHeads, headDim, vocabSize } = decoder;
  const half = dtype === "bfloat16" ? 2 : 4, kv = numKeyValueHeads * headDim;
  const block = linearModules(decoder).map((name) => moduleShape(decoder, name)).reduce(
    (n, [a, b]) => n + a * b,
    0,
  );
  const packed = quantization === "4bit" ? numLayers * block : 0;
  // DeepSpeed keeps what it computes with beside its float32 copies, which are states; its ZeRO-2 leaves it whole.
  const zero = sharding === "deepspeed", whole = zero && !reshard_after_forward;
  const weights = own && !zero ? 4 * parameters : half * (parameters - packed) + NF4_BYTES * packed;
  // Value, gradient and what the optimizer keeps in float32; of the model's own the value is counted with the weights.
  const states = (own && !zero ? 4 : 8) * trained + 4 * kept;
  const shared = sharding === "fsdp" || zero, shares = shared ? processes : 1;
  // Two blocks at a time are whole, the next being fetched early, and embedding and head.
  const outside = (valueHead ? 1 : 2) * vocabSize * h;
  const gathered = shared && !whole ? half * (2 * block + outside) : 0;
  const onDevice = cpu_offload ? 0 : 1 / shares;
  const inside = half / 2 * rows * (16 * h + 4 * kv + 8 * f);
  const activations = checkpointing ? half * rows * h * numLayers + inside : inside * numLayers;
  const head = valueHead ? 0 : HEAD_TILE[onGpus ? "gpu" : "cpu"] * 10 + HEAD_KEPT;
  const parts = {
    weights: whole ? weights : weights * onDevice + gathered,
    trained: states * onDevice,
    activations: activations + head + scoreBytes(size, choices, onGpus),
    runtime: RUNTIME_BYTES,
  };
  return { ...parts, total: parts.weights + parts.trained + parts.activations + parts.runtime };
}

/**
 * Scores of attention, which are whole where they are capped chain by chain (`capped_attention` of attention.py): what tanh and softmax
 * keep of all chains of a block, and three times those of the longest while they are made or gone back through.
 */
function scoreBytes(
  { decoder: { scoreCap, numHeads, numLayers }, rows, longest, checkpointing }: RunSize,
  { attention, dtype }: EngineChoices,
  onGpus: boolean,
): number {
  if (scoreCap === undefined || attention === "flex" || (attention === "auto" && onGpus)) return 0;
  // A CPU's products may be float32 with either dtype: products.py.
  const bytes = dtype === "bfloat16" && onGpus ? 2 : 4;
  const chains = 2 * rows * longest, blocks = checkpointing ? 1 : numLayers;
  return bytes * numHeads * (chains * blocks + 3 * longest ** 2);
}
