/**
 * The form in which a run will keep its frozen matrices.
 * @module
 */
import type { WeightSource } from "../../formats/hf_model/mod.ts";
import { describeSubgroups, webgpuBackend } from "../../kernels/backends/webgpu/mod.ts";
import { chooseBackend } from "../../kernels/engine/backends.ts";
import type { TrainConfig } from "./config/mod.ts";

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
    & Pick<TrainConfig, "finetuning_type" | "fp16" | "bf16" | "quantization_bit" | "pissa_init">
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
    if (config.pissa_init && !config.fp16) {
      return { half: false, text: "float32, as what PiSSA leaves of the weights isn't of 16 bits", shaders };
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
