/**
 * Checks of keys that say on which device a run computes and in which number type.
 * @module
 */
import { isOtherRule } from "../../../../kernels/engine/optimizer/rules.ts";
import { providerFault } from "../../../../kernels/engine/provider_fault.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Refuse } from "./refuse.ts";

type Place = Pick<TrainConfig, "trainer" | "backend" | "provider" | "cuda_tensors">;

/** True if this project's own trainer runs on ONNX Runtime's CUDA provider. */
export function onCuda({ trainer, backend, provider }: Omit<Place, "cuda_tensors">): boolean {
  return trainer !== "torch" && provider === "cuda" && (backend === "onnx" || backend === "auto");
}

/** True if ONNX Runtime runs all blocks as one program (kernels/engine/body/body_stack.ts). */
export function isOneProgram(
  { backend, provider, cuda_tensors }: Pick<TrainConfig, "backend" | "provider" | "cuda_tensors">,
): boolean {
  const gpu = provider !== "cpu" && (backend === "onnx" || backend === "auto");
  return gpu && !(provider === "cuda" && cuda_tensors === "device");
}

/** True if `backend` and `provider` ask for another device than the CPU. */
export function leavesCpu({ backend, provider }: Pick<TrainConfig, "backend" | "provider">): boolean {
  return backend === "webgpu" || (backend !== "reference" && provider !== "cpu");
}

/** Devices and number types that exclude each other. */
export function checkDevice(c: TrainConfig, given: ReadonlyMap<string, unknown>, refuse: Refuse): void {
  for (const key of ["use_cpu", "no_cuda"] as const) {
    refuse(
      given.get(key) === true && leavesCpu(c),
      key,
      `Cannot use ${key}: true with backend: ${c.backend} and provider: ${c.provider}: remove one of them`,
    );
  }
  const fault = c.trainer === "local" ? providerFault(c) : null;
  refuse(fault !== null, "provider", fault ?? "");
  if (c.quantization_bit !== null) checkQuantization(c, refuse);
  checkOptimizer(c, refuse);
  refuse(
    onCuda(c) && c.fp16 && c.bf16,
    "fp16",
    "Cannot use fp16: true with bf16: true: frozen matrices have one form; remove one of them",
  );
}

/** The local trainer's other optimizers than AdamW step what lies in the host's memory; a finished model isn't stepped. */
function checkOptimizer(c: TrainConfig, refuse: Refuse): void {
  if (!c.do_train || !isOtherRule(c.optim)) return;
  refuse(
    c.trainer === "local" && (c.backend === "webgpu" || (onCuda(c) && c.cuda_tensors === "device")),
    "optim",
    `Cannot use optim: ${c.optim} with ${
      c.backend === "webgpu" ? "backend: webgpu" : "cuda_tensors: device"
    }, where what is trained lies on the device, which AdamW alone has kernels for: use ${
      c.backend === "webgpu" ? "backend: onnx" : "cuda_tensors: host"
    }, or adamw_torch`,
  );
}

function checkQuantization(c: TrainConfig, refuse: Refuse): void {
  const key = "quantization_bit", used = `Cannot use quantization_bit: ${c.quantization_bit} with`;
  refuse(
    c.finetuning_type !== "lora",
    key,
    `${used} finetuning_type: ${c.finetuning_type}: weights that are trained are float32; use finetuning_type: lora, or leave it out`,
  );
  refuse(
    c.trainer !== "local",
    key,
    `${used} trainer: ${c.trainer}: it is the local trainer's; torch has quantization: 4bit among its trainer_options`,
  );
  refuse(
    c.trainer === "local" && leavesCpu(c),
    key,
    `${used} backend: ${c.backend} and provider: ${c.provider}: it needs backend: onnx and provider: cpu`,
  );
}

/** Keys of devices and number types that do nothing on the device of this run. */
export function deviceNotes(c: TrainConfig, given: ReadonlyMap<string, unknown>): string[] {
  const notes: string[] = [], torch = c.trainer === "torch", cuda = onCuda(c);
  for (const key of ["backend", "provider"]) {
    if (!torch || !given.has(key)) continue;
    notes.push(`${key}: not used with trainer: torch, where PyTorch takes its GPUs, or the CPU without one`);
  }
  for (const key of ["bf16", "tf32"] as const) {
    if (!c[key] || cuda || (torch && key === "bf16")) continue;
    notes.push(`${key}: not used, as float32 is used throughout, which this number type only approximates`);
  }
  if (cuda && c.bf16 && c.finetuning_type === "full") notes.push(trainedIsFloat32("bf16"));
  if (c.cuda_tensors !== "host" && !cuda) {
    notes.push("cuda_tensors: not used, as it is of provider: cuda alone");
  }
  if (torch && c.fp16) {
    notes.push("fp16: not used with trainer: torch, which computes in the dtype of its trainer_options");
  } else if (c.fp16 && c.finetuning_type === "full") notes.push(trainedIsFloat32("fp16"));
  else if (c.fp16 && c.backend !== "webgpu" && !cuda) {
    notes.push(
      "fp16: only backend webgpu and provider cuda round weights to float16; others compute with what the file has, in float32",
    );
  }
  if (!torch && c.disable_gradient_checkpointing && isOneProgram(c)) {
    notes.push(
      `disable_gradient_checkpointing: without effect with provider: ${c.provider}, where a pass is one program ` +
        `that keeps what it needs itself (docs/cuda.md)${
          cuda ? "; cuda_tensors: device gives it its meaning" : ""
        }`,
    );
  }
  return notes;
}

function trainedIsFloat32(key: "bf16" | "fp16"): string {
  return `${key}: not used with finetuning_type: full, as weights that are trained are float32`;
}
