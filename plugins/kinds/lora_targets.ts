/**
 * The meaning of `lora_target`, once for what trains, estimates and warns.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";

/**
 * `target_modules` of PEFT that `lora_target` stands for: its names, or the last names of all modules for `all`, which
 * LLaMA-Factory writes out too.
 *
 * @param loraTarget Names or endings of names, as in the YAML file; `all` stands alone.
 * @param modules Names of all linear modules but the output head, such as `model.layers.0.self_attn.q_proj`.
 * @throws {RangeError} If a name fits no module.
 */
export function targetModules(loraTarget: readonly string[], modules: readonly string[]): string[] {
  const endings = [...new Set(modules.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
  if (loraTarget.length === 1 && loraTarget[0] === "all") return endings;
  for (const target of loraTarget) {
    if (modules.some((name) => name === target || name.endsWith(`.${target}`))) continue;
    const hint = target === "all" ? "all stands alone" : "lora_target: all takes them all";
    throw new RangeError(
      `Cannot adapt module "${target}"${didYouMean(target, endings)}: the model has ${
        endings.join(", ")
      } (${hint})`,
    );
  }
  return [...loraTarget];
}
