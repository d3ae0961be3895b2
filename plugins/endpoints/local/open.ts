/**
 * Opens a model to answer prompts: tokenizer, chat template and generator that fit each other. The endpoint `local`, the
 * server and the chat of the terminal open models here.
 * @module
 */
import { join } from "@std/path";

import { VALUE_HEAD_FILE } from "../../../formats/value_head/value_head.ts";
import { exists } from "../../../formats/exists.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { resolveModel, type ResolveOptions } from "../../../formats/hub/mod.ts";
import { baseDifference } from "../../../formats/peft/mod.ts";
import { type EditableTokenizer, loadTokenizerSync, type Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import {
  type DeviceChoice,
  Generator,
  type OnPhase,
  type Quantization,
} from "../../../kernels/engine/generate/generator.ts";
import { tokenizerOf } from "../../../kernels/engine/generate/options.ts";
import { decoderOf } from "../../kinds/decoder_of.ts";
import type { PluginRegistry } from "../../kinds/plugin.ts";
import { prepareTokenizer } from "../../kinds/tokenizer/prepare_tokenizer.ts";
import type { Template } from "../../kinds/template.ts";

/** Model, adapter and device to open. */
export interface LocalSource {
  /** Model directory, .gguf file, or hub id. */
  model: string;
  /** PEFT adapter directory, merged into float32 weights and beside packed ones; null for none. */
  adapter: string | null;
  /** Where it runs. */
  device: DeviceChoice;
  /** Tokens of prompt and answer together; null: as many as the model was made for. */
  maxModelLen: number | null;
  /** Answers at once, ≥ 1. */
  maxBatch: number;
  /** Number type of weights in memory, see `GeneratorOptions`. */
  quantization?: Quantization;
  /** Draft tokens of a greedy answer that runs alone, 0 … 64. */
  speculation?: number;
  /** Further adapter directories by name. */
  adapters?: Readonly<Record<string, string>>;
  /** Options for asking the hub for the model's id. */
  hub?: ResolveOptions;
  /** Told of weights that are read, or prepared. */
  onPhase?: OnPhase | undefined;
}

/** A model that is open. */
export interface LocalModel {
  /** As it was asked for: directory, file or hub id. */
  name: string;
  /** Where its files lie. */
  path: string;
  /** Answers prompts. */
  generator: Generator;
  /** Prepared for the template. */
  tokenizer: EditableTokenizer;
  /** Writes prompts. */
  template: Template;
  /** Ids that end an answer, by the template. */
  stopIds: number[];
  /** generation_config.json, {} when there is none. */
  generationConfig: Record<string, unknown>;
  /** Remarks on the adapter in use, such as another base that it was trained on, and on a reward model. */
  notes: readonly string[];
}

/**
 * Opens a model.
 * @throws {RangeError} If it isn't there, or the template needs tokens that it hasn't
 */
export async function openLocal(
  { model: name, adapters = {}, hub, onPhase, ...source }: LocalSource,
  template: Template,
  registry: PluginRegistry,
): Promise<LocalModel> {
  const path = await resolveModel(name, hub);
  // The Worker loads its modules meanwhile.
  const reading = readModel(path, { adapter: source.adapter, template, registry, name });
  // merged, it would lie under those that requests name in its place
  const merge = Object.keys(adapters).length === 0;
  const generator = await Generator.open(
    reading.then(({ decoder }) => ({ model: path, decoder, merge, ...source })),
    onPhase,
  );
  const { tokenizer, generationConfig } = await reading;
  try {
    for (const [adapter, folder] of Object.entries(adapters)) await generator.loadAdapter(adapter, folder);
  } catch (error) {
    await generator.close();
    throw error;
  }
  const stopIds = stopIdsOf(template, tokenizer, generator.info.vocabSize);
  const notes = [
    ...rewardNotes(path),
    ...[source.adapter, ...Object.values(adapters)].flatMap((folder) => adapterNotes(folder, name)),
  ];
  return { name, path, generator, tokenizer, template, stopIds, generationConfig, notes };
}

async function readModel(
  path: string,
  { adapter, template, registry, name }: {
    adapter: string | null;
    template: Template;
    registry: PluginRegistry;
    name: string;
  },
): Promise<Pick<LocalModel, "tokenizer" | "generationConfig"> & { decoder: DecoderConfig }> {
  const model = await openModel(path), { generationConfig } = model;
  try {
    const tokenizer = prepared(tokenizerOf(model, adapter) as EditableTokenizer, template, name);
    return { tokenizer, generationConfig, decoder: decoderOf(registry, model) };
  } finally {
    model.weights.close();
  }
}

/** Sentences where an adapter was trained on another model than the named one, or to reward answers. */
export function adapterNotes(folder: string | null, model: string): string[] {
  if (folder === null) return [];
  const difference = baseDifference(folder, model);
  return [...difference === null ? [] : [difference], ...rewardNotes(folder)];
}

/** A sentence where a folder is of a reward model, whose language model answers here. */
export function rewardNotes(folder: string): string[] {
  if (!exists(join(folder, VALUE_HEAD_FILE))) return [];
  return [
    `${folder} is of a reward model (${VALUE_HEAD_FILE}), which was trained to give answers numbers, not to answer: rewards are what deno task train with ` +
    "stage: rm and do_predict: true writes, and deno task serve gives at /v1/score/evaluation",
  ];
}

/**
 * A model under an adapter that stands beside it by name: the same generator, and the adapter's own tokenizer where its folder
 * has one.
 * @throws {RangeError} If the template needs tokens that the adapter's tokenizer hasn't
 */
export function underAdapter(model: LocalModel, folder: string, template: Template): LocalModel {
  const notes = adapterNotes(folder, model.name);
  if (!exists(join(folder, "tokenizer.json"))) return { ...model, template, notes };
  const tokenizer = prepared(loadTokenizerSync(folder), template, folder);
  const stopIds = stopIdsOf(template, tokenizer, model.generator.info.vocabSize);
  return { ...model, tokenizer, template, stopIds, notes };
}

/** Ids that end an answer, by the template. */
function stopIdsOf(template: Template, tokenizer: Tokenizer, vocabSize: number): number[] {
  const stops = [tokenizer.eosId, ...template.stopWords.map((word) => tokenizer.tokenToId(word))];
  return stops.filter((id): id is number => id !== null && id < vocabSize);
}

function prepared(plain: EditableTokenizer, template: Template, name: string): EditableTokenizer {
  const { tokenizer, needed } = prepareTokenizer(template, plain);
  if (needed.length === 0) return tokenizer;
  throw new RangeError(
    `Cannot use template ${template.name} with ${name}: the model has no token ${needed.join(", ")}`,
  );
}
