/**
 * Names of a module's LoRA tensors in PEFT: `MODULE.lora_A.weight` `[r, in]`, `MODULE.lora_B.weight` `[out, r]`, and with DoRA
 * `MODULE.lora_magnitude_vector` `[out]`.
 * @module
 */

/** Names of the tensors of a module. */
export interface LoraNames {
  /** Of A, `[r, in]`. */
  a: string;
  /** Of B, `[out, r]`; zero in a fresh adapter. */
  b: string;
  /** Of DoRA's lengths of the merged weight's rows, `[out]`. */
  magnitude: string;
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
  return {
    a: `${module}.lora_A.weight`,
    b: `${module}.lora_B.weight`,
    magnitude: `${module}.lora_magnitude_vector`,
  };
}

/** True if a tensor is a module's B. */
export function isLoraB(name: string): boolean {
  return name.endsWith(".lora_B.weight");
}

/** True if a tensor is DoRA's lengths of a module's rows. */
export function isMagnitude(name: string): boolean {
  return name.endsWith(".lora_magnitude_vector");
}

/** The tensors of all modules by name. */
export function loraTensors<T>(
  modules: Iterable<readonly [string, { a: T; b: T; magnitude?: T }]>,
): Record<string, T> {
  return Object.fromEntries(
    [...modules].flatMap(([module, { a, b, magnitude }]) => {
      const names = loraNames(module);
      return [[names.a, a], [names.b, b], ...magnitude === undefined ? [] : [[names.magnitude, magnitude]]];
    }),
  );
}
