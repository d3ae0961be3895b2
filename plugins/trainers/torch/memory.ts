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
/** Logits of the head's tiles on a GPU, and bytes of kept ones: head.py. */
const HEAD_TILE = 2 ** 25, HEAD_KEPT = 2 ** 28;

/**
 * Bytes of one process.
 * @param processes All nodes together
 */
export function processMemory(
  { decoder, parameters, trained, kept, own, rows, checkpointing }: RunSize,
  { dtype, sharding, quantization, cpu_offload, reshard_after_forward }: EngineChoices,
  processes: number,
): RunMemory["memory"] {
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
  const gathered = shared && !whole ? 2 * half * (block + vocabSize * h) : 0;
  const onDevice = cpu_offload ? 0 : 1 / shares;
  const inside = half / 2 * rows * (16 * h + 4 * kv + 8 * f);
  const activations = checkpointing ? half * rows * h * numLayers + inside : inside * numLayers;
  const parts = {
    weights: whole ? weights : weights * onDevice + gathered,
    trained: states * onDevice,
    activations: activations + HEAD_TILE * 10 + HEAD_KEPT,
    runtime: RUNTIME_BYTES,
  };
  return { ...parts, total: parts.weights + parts.trained + parts.activations + parts.runtime };
}
