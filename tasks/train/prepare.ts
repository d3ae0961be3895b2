/**
 * Preparation of a run up to the model, its template and its loss: shared by the tasks that train, preview and measure.
 * @module
 */
import { type LoadedModel, openModel } from "../../formats/hf_model/mod.ts";
import type { EditableTokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { type FreezeKeys, freezeNotes } from "../../plugins/kinds/targets/freeze_targets.ts";
import { placed } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { TrainConfig } from "./config/mod.ts";
import type { TemplateSettings } from "./config/template_settings.ts";
import { checkTrained, findAdapters, mergeNotes } from "./prepare/adapters.ts";
import { type EmbeddingKeys, embeddingsOf, grownConfig, grownTokenizer } from "./prepare/embeddings.ts";
import { type FreshKeys, freshNote } from "./prepare/from_scratch.ts";
import { type HubKeys, hubOptions } from "./prepare/hub_options.ts";
import { lossKey, type LossStageKeys, prepareLoss } from "./prepare/loss.ts";
import { lossNotes } from "./prepare/loss_notes.ts";
import { checkNames, type NameKeys } from "./prepare/names.ts";
import type { Ready } from "./prepare/ready.ts";
import { checkPlainAdapters, prepareRewards } from "./prepare/rewards.ts";
import { prepareReference, type ReferenceKeys } from "./prepare/reference.ts";
import { checkLabelMeasure, checkSmoothing } from "./start_checks.ts";
import { scaledConfig, type ScalingKeys } from "./prepare/rope_scaling.ts";
import { prepareTemplate, templateTokenizer, trainedTemplateNotes } from "./prepare/template.ts";
import { checkTokenizedPath } from "./prepare/tokenized_path.ts";
import { UsedPlugins } from "./prepare/used_plugins.ts";
import { startingWeights } from "./prepare/weights.ts";

/** Keys of a configuration that {@linkcode prepare} reads. */
export type PrepareKeys =
  & LossStageKeys
  & ScalingKeys
  & TemplateSettings
  & HubKeys
  & ReferenceKeys
  & NameKeys
  & FreshKeys
  & FreezeKeys
  & EmbeddingKeys
  & Pick<
    TrainConfig,
    | "model_name_or_path"
    | "model_revision"
    | "adapter_name_or_path"
    | "create_new_adapter"
    | "lora_target"
  >
  & Partial<
    Pick<
      TrainConfig,
      | "lora_rank"
      | "tokenized_path"
      | "label_smoothing_factor"
      | "reward_funcs"
      | "reward_weights"
      | "reward_options"
    >
  >;

/** What tasks have that train nothing by rewards. */
const NO_REWARDS = { reward_funcs: [], reward_weights: null, reward_options: {} };

/**
 * Opens the model and makes template, loss and tokenizer ready.
 * @param say Gets a line while a model is downloaded
 * @param placeOf Where a key was written, for errors about what it names
 * @throws {RangeError} If a name is unknown, the template's tokens aren't in the model's vocabulary, or an adapter,
 * `lora_target` or a module that freeze names doesn't fit the model; also if `tokenized_path` holds data
 */
export async function prepare(
  config: PrepareKeys,
  registry: Registry,
  say: (line: string) => void,
  placeOf: (key: string) => string = () => "",
): Promise<Ready> {
  checkTokenizedPath(config, placeOf);
  const plugins = new UsedPlugins(registry);
  const rewards = prepareRewards({ ...NO_REWARDS, ...config }, plugins, placeOf);
  const { name: lossName, options: lossOptions, loss } = prepareLoss(config, plugins, placeOf);
  const template = prepareTemplate(config, plugins, placeOf);
  await checkNames(config, registry, placeOf);
  const hub = () => ({ revision: config.model_revision, ...hubOptions(config, say) });
  const opened = await placed(
    placeOf("model_name_or_path"),
    () => openModel(config.model_name_or_path, { ...hub(), weightless: config.train_from_scratch ?? false }),
  );
  const tokens = await prepareTokenizer(config, opened, template, placeOf);
  const { plain, tokenizer } = tokens;
  const { scaled, parsed } = await readFamily(config, opened, plugins, placeOf);
  const { mergedFolders, adapterFolders } = await findAdapters(config, hub(), placeOf);
  const trained = { tokenizer, resizes: tokens.resizes, adapterFolders, mergedFolders, placeOf };
  const { decoder, embeddings, additionalTarget, notes: rowNotes } = embeddingsOf(config, parsed, trained);
  checkTrained(config, decoder, adapterFolders, placeOf);
  if (rewards !== null) placed(placeOf("adapter_name_or_path"), () => checkPlainAdapters(adapterFolders));
  placed(placeOf("label_smoothing_factor"), () => checkSmoothing(config, decoder));
  placed(placeOf(lossKey(config)), () => checkLabelMeasure(loss, decoder));
  const { weights, fresh } = startingWeights(config, opened, { decoder, embeddings, mergedFolders, placeOf });
  const model = { ...opened, config: grownConfig(scaled, { embeddings, decoder }), tokenizer, weights };
  const { reference, notes: referenceNotes } = await prepareReference(config, {
    loss,
    hub: hub(),
    tokenizer: plain,
    configOf: (model) => placed(placeOf("rope_scaling"), () => scaledConfig(model, config)).config,
    parse: (model) => plugins.parse(model),
    // new rows tell the reference from the policy no more than adapters do
    policy: embeddings === null || mergedFolders.length > 0
      ? model
      : { ...model, config: scaled.config, weights: opened.weights },
    placeOf,
  });
  return {
    model,
    decoder,
    embeddings,
    additionalTarget,
    adapterFolders,
    mergedFolders,
    fresh,
    template,
    loss,
    rewards,
    reference,
    used: plugins.list,
    notes: [
      ...tokens.notes,
      ...rowNotes,
      ...scaled.notes,
      ...config.finetuning_type === "freeze" ? freezeNotes(config, decoder) : [],
      ...fresh === null ? [] : [freshNote(fresh)],
      ...referenceNotes,
      ...mergeNotes(mergedFolders, config.model_name_or_path),
      ...lossNotes(registry, lossName, lossOptions),
      ...template === null ? [] : trainedTemplateNotes(template, registry, config, { plain, tokenizer }),
    ],
    chatTemplate: template?.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate,
    placeOf,
  };
}

/** The model's tokenizer with the run's new tokens, plain and as the template wants it. */
async function prepareTokenizer(
  config: PrepareKeys,
  opened: LoadedModel,
  template: Ready["template"],
  placeOf: Ready["placeOf"],
) {
  // what openModel gives is always one
  const grown = grownTokenizer(opened.tokenizer as EditableTokenizer, config);
  const { tokenizer: plain, resizes } = grown;
  const { tokenizer, notes } = await placed(
    placeOf("template"),
    () => templateTokenizer({ ...config, resizes }, template, plain),
  );
  return { plain, tokenizer, resizes, notes: [...grown.notes, ...notes] };
}

/** The model's config.json with the run's rotary scaling, and as its family reads that. */
async function readFamily(
  config: PrepareKeys,
  opened: LoadedModel,
  plugins: UsedPlugins,
  placeOf: Ready["placeOf"],
) {
  const scaled = placed(placeOf("rope_scaling"), () => scaledConfig(opened, config));
  const parsed = await placed(
    placeOf("model_name_or_path"),
    () => plugins.parse({ ...opened, config: scaled.config }),
  );
  return { scaled, parsed };
}
