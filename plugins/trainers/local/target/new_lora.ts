/**
 * An adapter that is made for a run.
 * @module
 */
import type { LoadedModel } from "../../../../formats/hf_model/mod.ts";
import type { LoraConfig } from "../../../../formats/peft/mod.ts";
import { targetModules } from "../../../kinds/targets/lora_targets.ts";
import type { TargetConfig } from "./target.ts";

/** The configuration of an adapter that is made for a run. */
export function newLora(
  config: TargetConfig,
  model: Pick<LoadedModel, "hubId">,
  modules: readonly string[],
): LoraConfig {
  return {
    baseModel: config.base_model ?? model.hubId ?? config.model_name_or_path,
    revision: null,
    r: config.lora_rank,
    alpha: config.lora_alpha,
    dropout: config.lora_dropout,
    useRslora: config.use_rslora,
    useDora: config.use_dora,
    rankPattern: {},
    alphaPattern: {},
    targetModules: targetModules(config, modules),
    ...(config.additional_target.length > 0 && { modulesToSave: config.additional_target }),
  };
}
