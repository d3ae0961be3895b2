/**
 * Preparation of a run, up to the encoded examples: shared by the tasks that train, preview and measure.
 * @module
 */
import { openModel } from "../../formats/hf_model/mod.ts";
import { downloadLines, resolveAdapters, type ResolveOptions } from "../../formats/hub/mod.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import type { EditableTokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { type LossKeys, lossName, type TrainConfig, type UsedPlugin, usedPlugin } from "./config/mod.ts";
import { type TemplateSettings, templateSettings } from "./config/template_settings.ts";
import { readDatasetInfo } from "./data/info.ts";
import { type DataOptions, type LoadedExamples, loadExamples } from "./data/mod.ts";
import { freshNote, freshStart } from "./from_scratch.ts";
import { scaledConfig, type ScalingKeys } from "./rope_scaling.ts";
import {
  adapterWarnings,
  checkBestMetric,
  checkRankFits,
  checkTokenIds,
  emptyGradientWarnings,
  lengthWarnings,
} from "./start_checks.ts";
import { lossNotes } from "./loss_notes.ts";
import { prepareReference, type ReferenceKeys } from "./prepare_reference.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import type { ReferenceModel } from "../../plugins/kinds/trainer.ts";
import { baseDifference, readAdapter, TRAINED_FIELDS } from "../../formats/peft/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { type FreshStart, freshWeights } from "../../kernels/engine/fresh_weights.ts";
import { withMerged } from "../../kernels/engine/merged_weights.ts";
import { familyOf } from "../../plugins/kinds/decoder_of.ts";
import { targetModules } from "../../plugins/kinds/lora_targets.ts";
import { nowhere, placed, type PlaceOf } from "../../plugins/kinds/place.ts";
import type { Kinds } from "../../plugins/kinds/plugin.ts";
import type { Registry } from "../../plugins/registry.ts";
import { compareTemplates } from "../../plugins/kinds/compare_templates.ts";
import { endTokenFault } from "../../plugins/kinds/end_token.ts";
import { prepareTokenizer } from "../../plugins/kinds/prepare_tokenizer.ts";
import type { Template } from "../../plugins/kinds/template.ts";

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

/** Keys of a configuration that say how models and data sets are asked for on the hub. */
type HubKeys = Pick<TrainConfig, "cache_dir" | "hf_hub_token">;

/** Keys of a configuration that {@linkcode prepare} reads. */
export type PrepareKeys =
  & LossKeys
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
    | "eval_dataset"
    | "finetuning_type"
    | "adapter_name_or_path"
    | "create_new_adapter"
    | "lora_target"
    | "trainer"
    | "trainer_options"
  >
  & Partial<
    Pick<
      TrainConfig,
      | "metric_for_best_model"
      | "eval_strategy"
      | "compute_accuracy"
      | "eval_on_each_dataset"
      | "lora_rank"
      | "pissa_init"
      | "quantization_bit"
      | "train_from_scratch"
      | "seed"
    >
  >;

/** Keys of a configuration that {@linkcode encode} reads. */
export type EncodeKeys = DataOptions & HubKeys & Parameters<typeof adapterWarnings>[1];

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
  const used: UsedPlugin[] = [];
  const use = <K extends keyof Kinds>(
    kind: K,
    name: string,
    written: Record<string, unknown>,
    place: PlaceOf = nowhere,
  ): Kinds[K] => {
    const options = registry.options(kind, name, written, place);
    used.push(usedPlugin(registry, kind, name, options));
    return registry.create(kind, name, written, place);
  };
  const { name, options } = lossName(config);
  const loss = placed(placeOf("loss"), () => use("loss", name, options, () => placeOf("loss_options")));
  placed(placeOf("pissa_init"), () => {
    if (!config.pissa_init || config.finetuning_type !== "lora" || !loss.needsReference) return;
    if ((config.ref_model ?? null) !== null) return;
    throw new RangeError(
      `Cannot use pissa_init: true with loss ${name} as its reference is the model with adapters off, which lacks the leading parts then: name the ` +
        "model as ref_model, use a loss without a reference (stage sft, pref_loss orpo or simpo), or leave it out",
    );
  });
  const defaults = {
    metric_for_best_model: null,
    eval_strategy: "no",
    compute_accuracy: false,
    eval_on_each_dataset: false,
  } as const;
  placed(
    placeOf("metric_for_best_model"),
    () => checkBestMetric({ ...defaults, ...config }, loss),
  );
  const template = config.template === null ? null : placed(placeOf("template"), () => {
    const known = Object.keys(registry.get("template", config.template!).options.shape);
    const settings = templateSettings(config, known, placeOf);
    return use("template", config.template!, settings, () => placeOf("template_options"));
  });
  // unknown names are reported before anything is downloaded
  const sets = readDatasetInfo(config.dataset_dir, placeOf("dataset_dir"));
  for (const key of ["dataset", "eval_dataset"] as const) {
    for (const set of config[key]) await placed(placeOf(key), () => sets.entry(set));
  }
  placed(
    placeOf("trainer"),
    () =>
      registry.options("trainer", config.trainer, config.trainer_options, () => placeOf("trainer_options")),
  );
  const opened = await placed(
    placeOf("model_name_or_path"),
    () =>
      openModel(config.model_name_or_path, {
        revision: config.model_revision,
        ...hubOptions(config, say),
        weightless: config.train_from_scratch ?? false,
      }),
  );
  const plain = opened.tokenizer as EditableTokenizer; // what openModel gives is always one
  const { tokenizer, notes } = await placed(
    placeOf("template"),
    () => templateTokenizer(config, template, plain),
  );
  const scaled = placed(placeOf("rope_scaling"), () => scaledConfig(opened, config));
  notes.push(...scaled.notes);
  const parse = (model: LoadedModel) => {
    const family = familyOf(registry, model),
      isUsed = used.some((one) => one.kind === "model" && one.name === family);
    const plugin = isUsed ? registry.create("model", family) : use("model", family, {});
    return plugin.parse(model.config, model.configFile);
  };
  const decoder = await placed(
    placeOf("model_name_or_path"),
    () => parse({ ...opened, config: scaled.config }),
  );
  const allAdapters = await placed(
    placeOf("adapter_name_or_path"),
    () =>
      resolveAdapters(config.adapter_name_or_path, {
        revision: config.model_revision,
        ...hubOptions(config, say),
      }),
  );
  const merged = config.create_new_adapter ? allAdapters.length : Math.max(0, allAdapters.length - 1);
  const mergedFolders = allAdapters.slice(0, merged), adapterFolders = allAdapters.slice(merged);
  if (config.finetuning_type === "lora") checkAdapted(adapterFolders, config, decoder, placeOf);
  const weights = placed(
    placeOf("adapter_name_or_path"),
    () => withMerged(opened.weights, mergedFolders, decoder),
  );
  const fresh = placed(placeOf("train_from_scratch"), () => freshStart(opened, decoder, config));
  if (fresh !== null) {
    notes.push(freshNote(fresh));
    weights.close();
  }
  const model = {
    ...opened,
    config: scaled.config,
    tokenizer,
    weights: fresh === null ? weights : freshWeights(fresh, decoder),
  };
  const prepared = loss.needsReference
    ? await prepareReference(config, {
      hub: { revision: config.model_revision, ...hubOptions(config, say) },
      tokenizer: plain,
      configOf: (model) => placed(placeOf("rope_scaling"), () => scaledConfig(model, config)).config,
      parse,
      policy: isSwitchedOff(config) ? { model, quantizationBit: config.quantization_bit ?? null } : null,
      placeOf,
    })
    : null;
  notes.push(...prepared?.notes ?? []);
  if (!loss.needsReference && config.loss !== null && (config.ref_model ?? null) !== null) {
    notes.push(`ref_model: not used, as loss: ${config.loss} has no reference`);
  }
  notes.push(...mergeNotes(mergedFolders, config.model_name_or_path));
  notes.push(...lossNotes(registry, name, options));
  if (template !== null) notes.push(...templateNotes(template, registry, config, plain, tokenizer));
  const chatTemplate = template?.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate;
  return {
    model,
    decoder,
    adapterFolders,
    mergedFolders,
    fresh,
    template,
    chatTemplate,
    loss,
    reference: prepared?.reference ?? null,
    used,
    notes,
    placeOf,
  };
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

/** What is trained upon merged adapters needs them merged wherever it is used, which no file of it can say. */
function mergeNotes(merged: readonly string[], model: string): string[] {
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

/** Keys that say which modules are adapted, and how much. */
type AdaptedKeys = Pick<TrainConfig, "lora_target"> & Partial<Pick<TrainConfig, "lora_rank">>;

/** True if the adapter to continue, or the modules to adapt, are the model's: known before any data is read. */
function checkAdapted(
  [adapter]: readonly string[],
  { lora_target, lora_rank = 1 }: AdaptedKeys,
  decoder: DecoderConfig,
  placeOf: (key: string) => string,
): void {
  const shapes = moduleShapes(decoder);
  if (adapter === undefined) {
    placed(placeOf("lora_target"), () => targetModules(lora_target, [...shapes.keys()]));
    placed(placeOf("lora_rank"), () => checkRankFits(lora_rank, shapes));
  } else {placed(placeOf("adapter_name_or_path"), () =>
      readAdapter(adapter, shapes, decoder.moduleRoot, TRAINED_FIELDS));}
}

function templateNotes(
  template: Template,
  registry: Registry,
  { default_system, enable_thinking }: TemplateSettings,
  plain: EditableTokenizer,
  tokenizer: EditableTokenizer,
): string[] {
  const own = registry.create("template", "auto", { default_system, enable_thinking });
  return [compareTemplates(template, own, plain), endTokenFault(template, tokenizer)]
    .filter((note) => note !== null);
}

function templateTokenizer(
  { model_name_or_path }: Pick<TrainConfig, "model_name_or_path">,
  template: Template | null,
  plain: EditableTokenizer,
): { tokenizer: EditableTokenizer; notes: string[] } {
  if (template === null) return { tokenizer: plain, notes: [] };
  const { tokenizer, needed, notes } = prepareTokenizer(template, plain);
  if (needed.length > 0) {
    throw new RangeError(
      `Cannot use template ${template.name} with ${model_name_or_path} as the model's vocabulary lacks its tokens ` +
        `${needed.join(", ")}: name the template that the model was made for, or auto for its own`,
    );
  }
  return { tokenizer, notes: notes.map((note) => `template ${template.name}: ${note}`) };
}

/** Options of requests to the hub. */
function hubOptions(
  { cache_dir, hf_hub_token }: HubKeys,
  say: (line: string) => void,
): ResolveOptions {
  return {
    ...(cache_dir !== null && { cacheDir: cache_dir }),
    ...(hf_hub_token !== null && { token: hf_hub_token }),
    onProgress: downloadLines(say),
  };
}

/**
 * Reads, converts and encodes the data. What is probably not meant is among the report's warnings.
 * @param say Gets a line while a data set is downloaded
 * @throws {RangeError} If the data can't be read, or has tokens that the model lacks
 */
export async function encode(
  config: EncodeKeys,
  registry: Registry,
  ready: Ready,
  onProgress?: (phase: string, done: number, total: number) => void,
  say: (line: string) => void = () => {},
): Promise<LoadedExamples> {
  const data = await loadExamples({
    options: config,
    registry,
    template: ready.template,
    tokenizer: ready.model.tokenizer,
    loss: ready.loss,
    hub: hubOptions(config, say),
    placeOf: ready.placeOf,
    ...(onProgress && { onProgress }),
  });
  const { decoder, loss, model, reference } = ready;
  const all = [...data.train, ...data.evaluation];
  checkTokenIds(all, decoder, model.tokenizer);
  const warningsOfReference = reference === null ? [] : placed(ready.placeOf("ref_model"), () => {
    checkTokenIds(all, reference.decoder, model.tokenizer, "the reference model's");
    return lengthWarnings(all, reference.decoder).map((warning) => `ref_model: ${warning}`);
  });
  const warnings = [
    ...data.report.warnings,
    ...adapterWarnings(ready.adapterFolders, config, decoder),
    ...lengthWarnings(all, decoder),
    ...warningsOfReference,
    ...emptyGradientWarnings(data.train, loss),
  ];
  return { ...data, report: { ...data.report, warnings } };
}
