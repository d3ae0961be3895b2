/**
 * The meaning of `lora_target`, once for what trains, estimates and warns.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { expandedLayers } from "./freeze_targets.ts";
import type { TrainConfig } from "../train_config.ts";

/** Keys that say which modules get adapters; without those of block expansion all layers do. */
export type LoraTargetKeys =
  & Pick<TrainConfig, "lora_target">
  & Partial<Pick<TrainConfig, "use_llama_pro" | "freeze_trainable_layers">>;

/**
 * `target_modules` of PEFT that `lora_target` stands for: its names, or the last names of all modules for `all`, which
 * LLaMA-Factory writes out too. With `use_llama_pro` the whole names of those in expanded blocks, as its `find_expanded_modules` gives them.
 *
 * @param keys `lora_target`: names or endings of names, as in the YAML file; `all` stands alone.
 * @param modules Names of all linear modules but the output head, such as `model.layers.0.self_attn.q_proj`.
 * @throws {RangeError} If a name fits no module, or layers can't be shared out.
 */
export function targetModules(keys: LoraTargetKeys, modules: readonly string[]): string[] {
  const targets = namedModules(keys.lora_target, modules);
  const { use_llama_pro = false, freeze_trainable_layers: blocks = 0 } = keys;
  if (!use_llama_pro) return targets;
  const layers = new Set(modules.map(layerOf)), expanded = expandedLayers(blocks, layers.size);
  const inside = modules.filter((name) =>
    expanded.includes(layerOf(name)) && targets.some((target) => fits(name, target))
  );
  if (inside.length > 0) return inside;
  throw new RangeError(
    `Cannot adapt nothing: current value of lora_target is ${
      targets.join(", ")
    }, and no such module is in the expanded blocks ${
      expanded.join(", ")
    } (lora_target: all takes every one)`,
  );
}

function namedModules(loraTarget: readonly string[], modules: readonly string[]): string[] {
  const endings = [...new Set(modules.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
  if (loraTarget.length === 1 && loraTarget[0] === "all") return endings;
  for (const target of loraTarget) {
    if (modules.some((name) => fits(name, target))) continue;
    const hint = target === "all" ? "all stands alone" : "lora_target: all takes them all";
    throw new RangeError(
      `Cannot adapt module "${target}"${didYouMean(target, endings)}: the model has ${
        endings.join(", ")
      } (${hint})`,
    );
  }
  return [...loraTarget];
}

function fits(name: string, target: string): boolean {
  return name === target || name.endsWith(`.${target}`);
}

function layerOf(name: string): number {
  return Number(/\.(\d+)\./.exec(name)?.[1]);
}
