/**
 * Adapters that a run begins with: those that are merged into the model, and the one that is trained on.
 * @module
 */
import { resolveAdapters, type ResolveOptions } from "../../../formats/hub/mod.ts";
import { baseDifference, readAdapter, TRAINED_FIELDS } from "../../../formats/peft/mod.ts";
import { moduleShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { type FreezeKeys, freezeTargets } from "../../../plugins/kinds/freeze_targets.ts";
import { type LoraTargetKeys, targetModules } from "../../../plugins/kinds/lora_targets.ts";
import { placed } from "../../../plugins/kinds/place.ts";
import type { TrainConfig } from "../config/mod.ts";
import { checkRankFits } from "../start_checks.ts";

/** Keys that say which modules are adapted, and how much. */
type AdaptedKeys = LoraTargetKeys & Partial<Pick<TrainConfig, "lora_rank">>;

/** Keys that say which adapters there are. */
type AdapterKeys =
  & AdaptedKeys
  & Pick<TrainConfig, "finetuning_type" | "adapter_name_or_path" | "create_new_adapter">
  & FreezeKeys;

/**
 * Finds the adapters, downloaded if they are the hub's: folders of those to merge, in turn, and of the one that is trained on, if any.
 * @throws {RangeError} If one isn't found, or the one that is trained on, `lora_target`, or a module that freeze names, doesn't fit the model
 */
export async function prepareAdapters(
  config: AdapterKeys,
  decoder: DecoderConfig,
  hub: ResolveOptions,
  placeOf: (key: string) => string,
): Promise<{ mergedFolders: string[]; adapterFolders: string[] }> {
  const all = await placed(
    placeOf("adapter_name_or_path"),
    () => resolveAdapters(config.adapter_name_or_path, hub),
  );
  const merged = config.create_new_adapter ? all.length : Math.max(0, all.length - 1);
  const mergedFolders = all.slice(0, merged), adapterFolders = all.slice(merged);
  if (config.finetuning_type === "lora") checkAdapted(adapterFolders, config, decoder, placeOf);
  if (config.finetuning_type === "freeze") freezeTargets(config, decoder, placeOf);
  return { mergedFolders, adapterFolders };
}

/** Makes sure that the adapter to continue, or the modules to adapt, are the model's, before any data is read. */
function checkAdapted(
  [adapter]: readonly string[],
  keys: AdaptedKeys,
  decoder: DecoderConfig,
  placeOf: (key: string) => string,
): void {
  const shapes = moduleShapes(decoder);
  if (adapter === undefined) {
    const { lora_target, lora_rank = 1 } = keys, modules = [...shapes.keys()];
    placed(placeOf("lora_target"), () => targetModules({ lora_target }, modules));
    placed(placeOf("use_llama_pro"), () => targetModules(keys, modules));
    placed(placeOf("lora_rank"), () => checkRankFits(lora_rank, shapes));
    return;
  }
  placed(
    placeOf("adapter_name_or_path"),
    () => readAdapter(adapter, shapes, decoder.moduleRoot, TRAINED_FIELDS),
  );
}

/** What is trained upon merged adapters needs them merged wherever it is used, which no file of it can say. */
export function mergeNotes(merged: readonly string[], model: string): string[] {
  if (merged.length === 0) return [];
  const names = merged.join(", ");
  return [
    `${names}: merged into the model before training, so what is trained belongs upon ${model} with ${
      merged.length === 1 ? "it" : "them"
    } merged in (deno task export adapter_name_or_path=${
      merged.join(",")
    },OUTPUT_DIR writes all as one model)`,
    ...merged.flatMap((folder) => baseDifference(folder, model) ?? []),
  ];
}
