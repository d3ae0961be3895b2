/**
 * Preparation of a run up to the model, its template and its loss: shared by the tasks that train, preview and measure.
 * @module
 */
import { openModel } from "../../formats/hf_model/mod.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import type { EditableTokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { type FreshStart, freshWeights } from "../../kernels/engine/fresh_weights.ts";
import { withMerged } from "../../kernels/engine/merged_weights.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { placed } from "../../plugins/kinds/place.ts";
import type { Template } from "../../plugins/kinds/template.ts";
import type { ReferenceModel } from "../../plugins/kinds/trainer.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { TrainConfig, UsedPlugin } from "./config/mod.ts";
import type { TemplateSettings } from "./config/template_settings.ts";
import { readDatasetInfo } from "./data/info.ts";
import { freshNote, freshStart } from "./from_scratch.ts";
import { lossNotes } from "./loss_notes.ts";
import { mergeNotes, prepareAdapters } from "./prepare/adapters.ts";
import { type HubKeys, hubOptions } from "./prepare/hub_options.ts";
import { type LossStageKeys, prepareLoss } from "./prepare/loss.ts";
import { prepareTemplate, templateTokenizer, trainedTemplateNotes } from "./prepare/template.ts";
import { UsedPlugins } from "./prepare/used_plugins.ts";
import { prepareReference, type ReferenceKeys } from "./prepare_reference.ts";
import { scaledConfig, type ScalingKeys } from "./rope_scaling.ts";

/** A model and the rest of what encoding needs. */
export interface Ready {
  /** With the tokenizer as the template wants it. */
  model: LoadedModel;
  /** The model's config.json as its family reads it. */
  decoder: DecoderConfig;
  /** Folder of the adapter that is trained on, downloaded if it is the hub's; none: a new one. */
  adapterFolders: string[];
  /** Folders of the adapters that are merged into the model, in turn: its weights are those with them. */
  mergedFolders: string[];
  /** The weights are these, drawn; null: the model's own. */
  fresh: FreshStart | null;
  /** null only in stage pt. */
  template: Template | null;
  /** Jinja text that renders what is trained, to be saved with it; null: the tokenizer has none. */
  chatTemplate: string | null;
  /** Sequences of an example, and the formula over them. */
  loss: Loss;
  /** The model of `ref_model`, if the loss has a reference and it is another model; null: that is the policy as it begins. */
  reference: ReferenceModel | null;
  /** Plugins that take part, for run.yaml. */
  used: UsedPlugin[];
  /** Notes for the start. */
  notes: string[];
  /** Where a key was written. */
  placeOf(key: string): string;
}

/** Keys of a configuration that {@linkcode prepare} reads. */
export type PrepareKeys =
  & LossStageKeys
  & ScalingKeys
  & TemplateSettings
  & HubKeys
  & ReferenceKeys
  & Pick<
    TrainConfig,
    | "model_name_or_path"
    | "model_revision"
    | "dataset_dir"
    | "dataset"
    | "adapter_name_or_path"
    | "create_new_adapter"
    | "lora_target"
    | "trainer"
    | "trainer_options"
  >
  & Partial<Pick<TrainConfig, "lora_rank" | "quantization_bit" | "train_from_scratch" | "seed">>;

/**
 * Opens the model and makes template, loss and tokenizer ready.
 * @param say Gets a line while a model is downloaded
 * @param placeOf Where a key was written, for errors about what it names
 * @throws {RangeError} If a name is unknown, the template's tokens aren't in the model's vocabulary, or an adapter or
 * `lora_target` doesn't fit the model
 */
export async function prepare(
  config: PrepareKeys,
  registry: Registry,
  say: (line: string) => void,
  placeOf: (key: string) => string = () => "",
): Promise<Ready> {
  const plugins = new UsedPlugins(registry);
  const { name, options, loss } = prepareLoss(config, plugins, placeOf);
  const template = prepareTemplate(config, plugins, placeOf);
  await checkNames(config, registry, placeOf);
  const hub = () => ({ revision: config.model_revision, ...hubOptions(config, say) });
  const opened = await placed(
    placeOf("model_name_or_path"),
    () => openModel(config.model_name_or_path, { ...hub(), weightless: config.train_from_scratch ?? false }),
  );
  const plain = opened.tokenizer as EditableTokenizer; // what openModel gives is always one
  const { tokenizer, notes } = await placed(
    placeOf("template"),
    () => templateTokenizer(config, template, plain),
  );
  const scaled = placed(placeOf("rope_scaling"), () => scaledConfig(opened, config));
  const decoder = await placed(
    placeOf("model_name_or_path"),
    () => plugins.parse({ ...opened, config: scaled.config }),
  );
  const { mergedFolders, adapterFolders } = await prepareAdapters(config, decoder, hub(), placeOf);
  const { weights, fresh } = startingWeights(config, opened, { decoder, mergedFolders, placeOf });
  const model = { ...opened, config: scaled.config, tokenizer, weights };
  const prepared = loss.needsReference
    ? await prepareReference(config, {
      hub: hub(),
      tokenizer: plain,
      configOf: (model) => placed(placeOf("rope_scaling"), () => scaledConfig(model, config)).config,
      parse: (model) => plugins.parse(model),
      policy: isSwitchedOff(config) ? { model, quantizationBit: config.quantization_bit ?? null } : null,
      placeOf,
    })
    : null;
  return {
    model,
    decoder,
    adapterFolders,
    mergedFolders,
    fresh,
    template,
    loss,
    reference: prepared?.reference ?? null,
    used: plugins.list,
    notes: [
      ...notes,
      ...scaled.notes,
      ...fresh === null ? [] : [freshNote(fresh)],
      ...prepared?.notes ?? [],
      ...unusedReferenceNotes(config, loss),
      ...mergeNotes(mergedFolders, config.model_name_or_path),
      ...lossNotes(registry, name, options),
      ...template === null ? [] : trainedTemplateNotes(template, registry, config, plain, tokenizer),
    ],
    chatTemplate: template?.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate,
    placeOf,
  };
}

/** Reports unknown names of data sets and a trainer before anything is downloaded. */
async function checkNames(
  config: Pick<PrepareKeys, "dataset_dir" | "dataset" | "eval_dataset" | "trainer" | "trainer_options">,
  registry: Registry,
  placeOf: (key: string) => string,
): Promise<void> {
  const sets = readDatasetInfo(config.dataset_dir, placeOf("dataset_dir"));
  for (const key of ["dataset", "eval_dataset"] as const) {
    for (const set of config[key]) await placed(placeOf(key), () => sets.entry(set));
  }
  const { trainer, trainer_options } = config;
  placed(
    placeOf("trainer"),
    () => registry.options("trainer", trainer, trainer_options, () => placeOf("trainer_options")),
  );
}

/** The model's weights with the merged adapters, or such as are drawn in their place. */
function startingWeights(
  config: Pick<PrepareKeys, "train_from_scratch" | "seed">,
  opened: LoadedModel,
  { decoder, mergedFolders, placeOf }: Pick<Ready, "decoder" | "mergedFolders" | "placeOf">,
): { weights: LoadedModel["weights"]; fresh: FreshStart | null } {
  const weights = placed(
    placeOf("adapter_name_or_path"),
    () => withMerged(opened.weights, mergedFolders, decoder),
  );
  const fresh = placed(placeOf("train_from_scratch"), () => freshStart(opened, decoder, config));
  if (fresh === null) return { weights, fresh };
  weights.close();
  return { weights: freshWeights(fresh, decoder), fresh };
}

/** True if a pass of the policy with its adapter off is that of the model below: PiSSA takes from it, PyTorch's 4 bits are the policy's alone. */
function isSwitchedOff(
  { finetuning_type, pissa_init = false, trainer }: Pick<
    PrepareKeys,
    "finetuning_type" | "pissa_init" | "trainer"
  >,
): boolean {
  return finetuning_type === "lora" && !pissa_init && trainer === "local";
}

function unusedReferenceNotes(
  { loss: name, ref_model = null }: Pick<PrepareKeys, "loss" | "ref_model">,
  loss: Loss,
): string[] {
  return loss.needsReference || name === null || ref_model === null
    ? []
    : [`ref_model: not used, as loss: ${name} has no reference`];
}

/** Paths that a run reads. */
export function inputsOf(
  config: Pick<
    TrainConfig,
    "model_name_or_path" | "adapter_name_or_path" | "ref_model" | "ref_model_adapters" | "dataset_dir"
  >,
): string[] {
  const { model_name_or_path, ref_model, dataset_dir } = config;
  const models = [model_name_or_path, ...ref_model === null ? [] : [ref_model]];
  return [...models, ...config.adapter_name_or_path, ...config.ref_model_adapters, dataset_dir];
}
