/**
 * What an optimizer does to a tensor by its name alone: whether it is decayed, and its learning rate over the step's.
 * @module
 */
import { isLoraB, isMagnitude } from "../../../formats/peft/names.ts";

/**
 * False for norm weights and biases, by name, as transformers' `get_decay_parameter_names` has it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { takesWeightDecay } from "./parameter_groups.ts";
 *
 * assertEquals(takesWeightDecay("model.layers.0.mlp.up_proj.weight"), true);
 * assertEquals(takesWeightDecay("model.layers.0.input_layernorm.weight"), false);
 * ```
 */
export function takesWeightDecay(name: string): boolean {
  return !/bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)/i.test(name);
}

/**
 * Learning rate of a tensor over that of a step, by its name, as LLaMA-Factory's groups of LoRA+ have it. Weight decay is in units of
 * the tensor's own rate.
 */
export function rateFactor(name: string, { ratioOfB = 1 }: { ratioOfB?: number | undefined }): number {
  return isLoraB(name) || isMagnitude(name) || isVector(name) ? ratioOfB : 1;
}

/** A norm's weight or a bias, which LLaMA-Factory and PEFT count with the B. */
function isVector(name: string): boolean {
  return /norm\.weight$|\.bias$/.test(name);
}
