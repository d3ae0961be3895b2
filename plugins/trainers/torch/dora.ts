/**
 * Where DoRA can't be trained on PyTorch.
 * @module
 */
import type { Tuning } from "../../../kernels/engine/weights/tuning.ts";
import type { EngineChoices } from "./options.ts";

/** @throws {RangeError} If modules have DoRA, and weights are in 4 bits or shared out by DeepSpeed, which brings them together for their own products alone */
export function checkDora(
  tuning: Tuning,
  { sharding, quantization }: Pick<EngineChoices, "sharding" | "quantization">,
): void {
  if (tuning.type !== "lora" || !Object.values(tuning.modules).some(({ dora }) => dora)) return;
  const [used, instead] = sharding === "deepspeed"
    ? ["sharding: deepspeed", "use sharding: fsdp"]
    : quantization !== "none"
    ? [`quantization: ${quantization}`, "use quantization: none, or trainer: local with quantization_bit"]
    : [null, null];
  if (used === null) return;
  throw new RangeError(
    `Cannot train DoRA on PyTorch with ${used} as a row's length needs the weights themselves: ${instead}`,
  );
}
