/**
 * The form in which a run will keep its frozen matrices.
 * @module
 */
import type { WeightSource } from "../../formats/hf_model/mod.ts";
import { describeSubgroups, webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { chooseBackend, makeBackend } from "../../kernels/engine/backends.ts";
import type { TrainConfig } from "./config/mod.ts";

/** Storage of frozen matrices where the run will run. */
export interface WeightStorage {
  /** 16 bits instead of float32. */
  half: boolean;
  /** True if modules that PiSSA begins from are float32 nevertheless: what it leaves of their weights isn't of 16 bits. */
  wideRest?: boolean;
  /** In words, with the reason. */
  text: string;
  /** Subgroup functions of the shaders that run, or why there are none; absent without shaders. */
  shaders?: string;
}

/** Of a layer's matrices, which have one form as a rule. */
const FIRST = "model.layers.0.self_attn.q_proj.weight";

/** Asks the backend of a run; whether 16 bits hold the values is tried on the first layer's. */
export async function weightStorage(
  config:
    & Pick<TrainConfig, "finetuning_type" | "fp16" | "bf16" | "quantization_bit" | "pissa_init">
    & Parameters<typeof chooseBackend>[0],
  weights: WeightSource,
): Promise<WeightStorage> {
  if (config.finetuning_type === "full") return { half: false, text: "float32, as all are trained" };
  const { quantization_bit: bits } = config, { choice } = await chooseBackend(config);
  const leavesRest = config.pissa_init && config.finetuning_type === "lora";
  const asStored = choice.backend === "onnx" && choice.provider === "cpu"
    ? await storedForm(choice, weights)
    : null;
  if (bits !== null) {
    const elsewhere = asStored ?? "float32";
    return {
      half: asStored !== null,
      text: `${bits} bits at most in the layers' modules, ${elsewhere} elsewhere`,
    };
  }
  if (choice.provider === "cuda" && choice.backend === "onnx" && (config.bf16 || config.fp16)) {
    return {
      half: true,
      text: config.bf16 ? "bfloat16, as bf16: true says" : "float16, as fp16: true says",
    };
  }
  if (asStored !== null) {
    return ofFile(`${asStored}, as the file has them`, leavesRest, "; products take them as float32");
  }
  if (choice.backend !== "webgpu") return { half: false, text: "float32" };
  const backend = await webgpuBackend({ half: config.fp16 ? "rounded" : "exact" });
  try {
    const shaders = describeSubgroups(backend.subgroups);
    if (backend.half.storage === "none") {
      return { half: false, text: `float32: ${backend.half.why}`, shaders };
    }
    backend.upload(weights.read(FIRST), weights.shape(FIRST)!, { frozen: true }).dispose();
    if (backend.half.kept === 0) {
      return { half: false, text: "float32, as float16 would round them (fp16: true does so)", shaders };
    }
    if (config.fp16) return { half: true, text: "float16, as fp16: true says", shaders };
    return { ...ofFile("float16, which holds the file's values", leavesRest), shaders };
  } finally {
    await backend.dispose();
  }
}

/** Storage of the file's values as they are; PiSSA leaves others of its modules'. */
function ofFile(form: string, leavesRest: boolean, end = ""): WeightStorage {
  if (!leavesRest) return { half: true, text: form + end };
  return { half: true, wideRest: true, text: `${form}, and float32 in modules that PiSSA begins from${end}` };
}

/** The form that a file's matrices keep on the CPU; null: they become float32 there. */
async function storedForm(
  choice: Parameters<typeof makeBackend>[0],
  weights: WeightSource,
): Promise<"bfloat16" | "float16" | null> {
  const pieces = weights.pieces(FIRST), shape = weights.shape(FIRST);
  if (pieces.type === "f32" || shape === null) return null;
  const backend = await makeBackend(choice);
  try {
    const kept = backend.uploadPieces?.(pieces, shape) ?? null;
    kept?.dispose();
    if (kept === null) return null;
    return pieces.type === "bf16" ? "bfloat16" : "float16";
  } finally {
    await backend.dispose();
  }
}
