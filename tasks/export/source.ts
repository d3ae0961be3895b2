/**
 * The model that is exported: base weights with the adapters merged in, tokenizer and template.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { readJsonFile } from "../../formats/hf_model/json.ts";
import {
  besideShapes,
  checkTensors,
  checkWhole,
  type LoadedModel,
  openModel,
  textConfigOf,
} from "../../formats/hf_model/mod.ts";
import { resolveAdapters, type ResolveOptions } from "../../formats/hub/mod.ts";
import { shown } from "../../formats/message.ts";
import {
  type Adapter,
  baseDifference,
  readAdapter,
  readWholeAdapter,
  savedEmbeddings,
  type WholeAdapter,
  wholeMerge,
} from "../../formats/peft/mod.ts";
import {
  type EditableTokenizer,
  loadTokenizerSync,
  splitsAsQwen2,
  type Tokenizer,
} from "../../formats/tokenizer/mod.ts";
import { EMBEDDING, moduleShapes, tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import {
  changedBy,
  type EmbeddingChange,
  withEmbeddingChange,
} from "../../kernels/engine/weights/embedding_change.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { placed } from "../../plugins/kinds/place.ts";
import { prepareTokenizer } from "../../plugins/kinds/prepare_tokenizer.ts";
import type { Registry } from "../../plugins/registry.ts";
import { compileOwn } from "../../plugins/templates/rendered.ts";
import { templateSettings } from "../train/config/template_settings.ts";
import type { ExportConfig } from "./config.ts";

/** The model to export, opened. */
export interface ExportSource {
  /** The base model, opened. */
  model: LoadedModel;
  /** Its config.json, as its family reads it. */
  decoder: DecoderConfig;
  /** In the order in which they are merged. */
  adapters: readonly Adapter[];
  /** Their folders. */
  adapterFolders: readonly string[];
  /** As it is written: the template's, the adapter's or the model's; null where the model's folder has none. */
  tokenizer: Tokenizer | null;
  /** Jinja text to write; null: there is none. */
  chatTemplate: string | null;
  /** Shapes by transformers' names, `lm_head.weight` not among them where tied. */
  shapes: ReadonlyMap<string, readonly number[]>;
  /** Shapes of tensors beside the decoder, such as a vision tower's; null of a text model. */
  beside: ReadonlyMap<string, readonly number[]> | null;
  /** Merged values of a tensor, float32, row-major. A fresh array each call. */
  read(name: string): Float32Array<ArrayBuffer>;
  /** Remarks on the model, printed once. */
  notes: string[];
}

/**
 * Opens model and adapters and checks all of them; tensors of the model are read later, one by one.
 * @param hub Options for asking the hub for a model's id
 * @param placeOf Where a key was written
 * @throws {RangeError} If something is missing, foreign to the model or not supported; named with the key's place
 */
export async function openSource(
  config: ExportConfig,
  registry: Registry,
  hub: ResolveOptions,
  placeOf: (key: string) => string,
): Promise<ExportSource> {
  const model = await placed(
    placeOf("model_name_or_path"),
    () => openModel(config.model_name_or_path, { revision: config.model_revision, ...hub }),
  );
  try {
    const base = await placed(placeOf("model_name_or_path"), () => decoderOf(registry, model));
    if (config.export_format === "safetensors") {
      placed(placeOf("model_name_or_path"), () => checkWhole(model, base.moduleRoot));
    }
    const beside = besideShapes(model);
    await placed(
      placeOf("model_name_or_path"),
      () => checkTensors(model.weights, tensorShapes(base), model.path),
    );
    const adapterFolders = await placed(
      placeOf("adapter_name_or_path"),
      () => resolveAdapters(config.adapter_name_or_path, { revision: config.model_revision, ...hub }),
    );
    const { decoder: grown, change } = await placed(
      placeOf("adapter_name_or_path"),
      () => grownBy(adapterFolders, base),
    );
    const own = tensorShapes(grown);
    const adapters = await placed(
      placeOf("adapter_name_or_path"),
      () => adapterFolders.map((path) => adapterOf(path, config, grown, { own, beside })),
    );
    const untied = adapters.some(({ unties }) => unties) ||
      grown.tieWordEmbeddings !== base.tieWordEmbeddings;
    const decoder = untied ? { ...grown, tieWordEmbeddings: false } : grown;
    const written = decoder === base ? model : withEmbeddingsOf(model, base, decoder);
    const stored = withEmbeddingChange(model.weights, change, grown);
    const read = adapters.reduce(
      (before, adapter) => wholeMerge(before, adapter),
      (name: string) => stored.read(untied && name === HEAD ? EMBEDDING : name),
    );
    const text = tokenizerOf(config, { registry, model, adapterFolders, placeOf });
    const others = adapterFolders.flatMap((path) => baseDifference(path, config.model_name_or_path) ?? []);
    const head = !untied
      ? []
      : ["an adapter changes embedding or output head, which the base has as one: both are written, untied"];
    const rows = decoder.vocabSize === base.vocabSize ? [] : [
      `an adapter was trained with a larger vocabulary: the embeddings have ${decoder.vocabSize} rows in place of ${base.vocabSize}`,
    ];
    return {
      model: written,
      decoder,
      adapters,
      adapterFolders,
      shapes: tensorShapes(decoder),
      beside,
      read,
      ...text,
      notes: [
        ...text.notes,
        ...languageNotes(config, beside, model, text.chatTemplate),
        ...splitNotes(config, decoder, text.tokenizer),
        ...head,
        ...rows,
        ...others,
      ],
    };
  } catch (error) {
    model.weights.close();
    throw error;
  }
}

/** An adapter to merge; one that is written alone has linear modules only, which is all that llama.cpp's format has a place for. */
function adapterOf(
  path: string,
  { export_format: format }: ExportConfig,
  decoder: DecoderConfig,
  { own, beside }: {
    own: ReadonlyMap<string, readonly number[]>;
    beside: ReadonlyMap<string, readonly number[]> | null;
  },
): WholeAdapter {
  const modules = moduleShapes(decoder), { moduleRoot } = decoder;
  if (format !== "gguf-adapter") {
    // a GGUF file of the language part alone has adapters of the whole model's names, too
    return readWholeAdapter(path, modules, own, beside ?? (moduleRoot === undefined ? null : new Map()));
  }
  const none = new Map<string, never>();
  return {
    ...readAdapter(path, modules, moduleRoot),
    replaced: none,
    rows: none,
    magnitudes: none,
    unties: false,
  };
}

const HEAD = "lm_head.weight";

/** A decoder with the embeddings that adapters have in place of the model's, which may be larger, or two where that has one. */
function grownBy(
  folders: readonly string[],
  base: DecoderConfig,
): { decoder: DecoderConfig; change: EmbeddingChange | null } {
  const grown = folders.reduce(
    (decoder, folder) => changedBy(savedEmbeddings(folder), decoder).decoder,
    base,
  );
  const { vocabSize, tieWordEmbeddings } = base;
  return {
    decoder: grown,
    change: grown === base ? null : { stored: { vocabSize, tieWordEmbeddings }, seed: 0 },
  };
}

/** The same model with the embedding and head of another decoder; tokenizer and weights stay those of `model`. */
function withEmbeddingsOf(model: LoadedModel, base: DecoderConfig, decoder: DecoderConfig): LoadedModel {
  const { text_config: text } = model.config, isText = textConfigOf(model.config) === text;
  const rows = decoder.vocabSize === base.vocabSize ? {} : { vocab_size: decoder.vocabSize };
  const untied = decoder.tieWordEmbeddings === base.tieWordEmbeddings ? {} : { tie_word_embeddings: false };
  const config = {
    ...model.config,
    ...untied,
    ...(isText ? { text_config: { ...textConfigOf(model.config), ...untied, ...rows } } : rows),
  };
  return Object.create(model, { config: { value: config, enumerable: true } }) as LoadedModel;
}

const TOKENIZER_NEED: Readonly<Record<ExportConfig["export_format"], string | null>> = {
  safetensors: null,
  "gguf-adapter": null,
  gguf: "the tokenizer is a part of the file",
  onnx: null,
};

function hasTokenizer({ format, path }: LoadedModel): boolean {
  return format === "gguf" || exists(join(path, "tokenizer.json"));
}

/** A remark where a GGUF file has chat templates beside the default one, which a folder doesn't get. */
function namedTemplates({ metadata, path }: LoadedModel, format: ExportConfig["export_format"]): string[] {
  const names = [...metadata?.keys() ?? []].flatMap((key) =>
    /^tokenizer\.chat_template\.(.+)$/.exec(key)?.[1] ?? []
  );
  if (names.length === 0 || format === "gguf") return [];
  return [`${path} has further chat templates (${shown(names.sort())}): only the default one is written`];
}

/** A remark where a folder has chat templates beside the one that is written. */
function otherTemplates(folder: string): string[] {
  const file = join(folder, "tokenizer_config.json"), more = join(folder, "additional_chat_templates");
  const { chat_template: list } = exists(file) ? readJsonFile(file) : {};
  const named = Array.isArray(list)
    ? list.map(({ name }) => String(name)).filter((name) => name !== "default")
    : [];
  const files = exists(more)
    ? [...Deno.readDirSync(more)].map(({ name }) => name.replace(/\.jinja$/, ""))
    : [];
  const names = [...new Set([...named, ...files])].sort();
  return names.length === 0
    ? []
    : [`${folder} has further chat templates (${shown(names)}): only the default one is written`];
}

/** A remark where what sees is left out. */
function languageNotes(
  { export_format: format, template }: ExportConfig,
  beside: ExportSource["beside"],
  model: LoadedModel,
  chatTemplate: string | null,
): string[] {
  if (beside === null) return [];
  if (format !== "safetensors") {
    return [
      `${format} has the language part alone: ${beside.size} tensors of the part that sees are left out`,
    ];
  }
  return template === null || chatTemplate?.endsWith(model.tokenizer.chatTemplate ?? "") ? [] : [
    `template ${template}: the chat template that is written has no place for images, as the model's own one gives other texts; ` +
    "leave template out to keep that",
  ];
}

/** A remark where transformers 5 would cut texts otherwise than the tokenizer (findings/class_over_tokenizer_json.sh). */
function splitNotes(
  { export_format: format }: ExportConfig,
  { modelType }: DecoderConfig,
  tokenizer: Tokenizer | null,
): string[] {
  if (format !== "safetensors" || tokenizer === null) return [];
  const { tokenizer_class: name } = JSON.parse(String(tokenizer.files()["tokenizer_config.json"] ?? "{}"));
  const isQwen2 = modelType === "qwen2" || /^Qwen2Tokenizer(Fast)?$/.test(String(name));
  if (!isQwen2 || splitsAsQwen2(tokenizer)) return [];
  return [
    "transformers 5 reads this tokenizer as its class Qwen2Tokenizer, which cuts texts otherwise than tokenizer.json says: take ids " +
    "there by tokenizers' Tokenizer.from_file, or version 4",
  ];
}

function tokenizerOf(
  config: ExportConfig,
  { registry, model, adapterFolders, placeOf }: {
    registry: Registry;
    model: LoadedModel;
    adapterFolders: readonly string[];
    placeOf: (key: string) => string;
  },
): Pick<ExportSource, "tokenizer" | "chatTemplate" | "notes"> {
  const { template: name } = config;
  const trained = adapterFolders.findLast((path) => exists(join(path, "tokenizer.json")));
  if (name === null) {
    if (trained === undefined && !hasTokenizer(model)) {
      const need = TOKENIZER_NEED[config.export_format];
      if (need !== null) {
        throw new RangeError(
          `Cannot export as ${config.export_format} as ${need}: ${model.path} has no tokenizer.json`,
        );
      }
      return {
        tokenizer: null,
        chatTemplate: null,
        notes: [`${model.path} has no tokenizer, so none is written`],
      };
    }
    const tokenizer = trained === undefined ? model.tokenizer : loadTokenizerSync(trained);
    const folder = trained ?? model.path;
    const others = trained === undefined && model.format === "gguf"
      ? namedTemplates(model, config.export_format)
      : otherTemplates(folder);
    const notes = [...others, ...unreadableTemplate(tokenizer, folder)];
    return { tokenizer, chatTemplate: tokenizer.chatTemplate, notes };
  }
  return placed(placeOf("template"), () => {
    const known = Object.keys(registry.get("template", name).options.shape);
    const template = registry.create("template", name, templateSettings(config, known, placeOf));
    const { tokenizer, needed, notes } = prepareTokenizer(template, plainTokenizer(model, trained));
    if (needed.length > 0) {
      throw new RangeError(
        `Cannot use template ${name} with ${config.model_name_or_path} as the model's vocabulary lacks its tokens ` +
          `${needed.join(", ")}: name the template that the model was tuned with, or leave it out`,
      );
    }
    return {
      tokenizer,
      chatTemplate: template.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate,
      notes: notes.map((note) => `template ${name}: ${note}`),
    };
  });
}

/** The model's tokenizer for a template, with the tokens that an adapter's has further (`add_tokens`), whose rows are merged. */
function plainTokenizer(model: LoadedModel, trained: string | undefined): EditableTokenizer {
  const own = model.tokenizer as EditableTokenizer;
  const further = trained === undefined ? own : loadTokenizerSync(trained);
  return further.vocabSize > own.vocabSize ? further.withChatTemplate(own.chatTemplate) : own;
}

/** The folder gets the model's own chat template as it is, one that is no Jinja too, which nothing could be asked by. */
function unreadableTemplate(tokenizer: Tokenizer, folder: string): string[] {
  if (tokenizer.chatTemplate === null) return [];
  try {
    compileOwn(tokenizer);
    return [];
  } catch (error) {
    return [
      `${folder}: ${(error as Error).message}. It is written as it is; name a \`template\` to write another`,
    ];
  }
}
