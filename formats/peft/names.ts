/**
 * Names of a module's two LoRA tensors in PEFT: `MODULE.lora_A.weight` `[r, in]` and `MODULE.lora_B.weight` `[out, r]`.
 * @module
 */

/** Names of the two tensors of a module. */
export interface LoraNames {
  /** Of A, `[r, in]`. */
  a: string;
  /** Of B, `[out, r]`; zero in a fresh adapter. */
  b: string;
}

/**
 * Names of a module's LoRA tensors.
 * @param module Such as `model.layers.0.self_attn.q_proj`
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loraNames } from "./names.ts";
 *
 * assertEquals(loraNames("mlp.up_proj").b, "mlp.up_proj.lora_B.weight");
 * ```
 */
export function loraNames(module: string): LoraNames {
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
}

/** True if a tensor is a module's B. */
export function isLoraB(name: string): boolean {
  return name.endsWith(".lora_B.weight");
}

/** The tensors of all modules by name. */
export function loraTensors<T>(modules: Iterable<readonly [string, { a: T; b: T }]>): Record<string, T> {
  return Object.fromEntries(
    [...modules].flatMap(([module, { a, b }]) => {
      const names = loraNames(module);
      return [[names.a, a], [names.b, b]];
    }),
  );
}
