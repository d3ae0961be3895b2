/**
 * Adapters that a run begins with: those that are merged into the model, and the one that is trained on.
 * @module
 */
import { resolveAdapters, type ResolveOptions } from "../../../formats/hub/mod.ts";
import { baseDifference, readAdapter } from "../../../formats/peft/mod.ts";
import { moduleShapes, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { type FreezeKeys, freezeTargets } from "../../../plugins/kinds/targets/freeze_targets.ts";
import { type LoraTargetKeys, targetModules } from "../../../plugins/kinds/targets/lora_targets.ts";
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

/** Folders of the adapters that a run begins with. */
export interface RunAdapters {
  /** Of those to merge into the model, in turn. */
  mergedFolders: string[];
  /** Of the one that is trained on; none: a new one. */
  adapterFolders: string[];
}

/**
 * Finds the adapters, downloaded if they are the hub's.
 * @throws {RangeError} If one isn't found
 */
export async function findAdapters(
  config: AdapterKeys,
  hub: ResolveOptions,
  placeOf: (key: string) => string,
): Promise<RunAdapters> {
  const all = await placed(
    placeOf("adapter_name_or_path"),
    () => resolveAdapters(config.adapter_name_or_path, hub),
  );
  const merged = config.create_new_adapter ? all.length : Math.max(0, all.length - 1);
  return { mergedFolders: all.slice(0, merged), adapterFolders: all.slice(merged) };
}

/**
 * Makes sure that what is trained is the model's, before any data is read.
 * @throws {RangeError} If the adapter that is trained on, `lora_target`, or a module that freeze names, doesn't fit the model
 */
export function checkTrained(
  config: AdapterKeys,
  decoder: DecoderConfig,
  adapterFolders: readonly string[],
  placeOf: (key: string) => string,
): void {
  if (config.finetuning_type === "lora") checkAdapted(adapterFolders, config, decoder, placeOf);
  if (config.finetuning_type === "freeze") freezeTargets(config, decoder, placeOf);
}

/** The adapter to continue, or the modules to adapt. */
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
    () => readAdapter(adapter, shapes, decoder.moduleRoot, tensorShapes(decoder)),
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
