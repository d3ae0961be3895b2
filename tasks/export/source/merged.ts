/**
 * The base model with the adapters merged in: its decoder, what config.json says of it, and its tensors' values.
 * @module
 */
import { type LoadedModel, textConfigOf } from "../../../formats/hf_model/mod.ts";
import {
  type Adapter,
  readAdapter,
  readWholeAdapter,
  savedEmbeddings,
  type WholeAdapter,
  wholeMerge,
} from "../../../formats/peft/mod.ts";
import { EMBEDDING, HEAD, moduleShapes, tensorShapes } from "../../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import {
  changedBy,
  type EmbeddingChange,
  withEmbeddingChange,
} from "../../../kernels/engine/weights/embedding_change.ts";
import type { ExportConfig } from "../export_config.ts";

/** A base model and what its adapters make of it. */
export interface MergedModel {
  /** The base model, opened; its config.json says what the merged tensors are. */
  model: LoadedModel;
  /** Its config.json, as its family reads it, with the adapters' vocabulary. */
  decoder: DecoderConfig;
  /** In the order in which they are merged. */
  adapters: readonly Adapter[];
  /** Merged values of a tensor, float32, row-major. A fresh array each call. */
  read(name: string): Float32Array<ArrayBuffer>;
  /** Remarks on embeddings that are written otherwise than the base has them. */
  notes: string[];
}

/**
 * Reads the adapters' values; the model's are read later, tensor by tensor.
 * @param base The decoder, as the model's files have it
 * @param beside Shapes of the model's tensors beside the decoder; null of a text model
 * @throws {RangeError} If an adapter is damaged, doesn't fit the model, or has what the format has no place for
 */
export function mergedModel(
  model: LoadedModel,
  base: DecoderConfig,
  { adapterFolders, format, beside }: {
    adapterFolders: readonly string[];
    format: ExportConfig["export_format"];
    beside: ReadonlyMap<string, readonly number[]> | null;
  },
): MergedModel {
  const { decoder: grown, change } = grownBy(adapterFolders, base);
  const own = tensorShapes(grown);
  const adapters = adapterFolders.map((path) => adapterOf(path, format, grown, { own, beside }));
  const untied = adapters.some(({ unties }) => unties) || grown.tieWordEmbeddings !== base.tieWordEmbeddings;
  const decoder = untied ? { ...grown, tieWordEmbeddings: false } : grown;
  const stored = withEmbeddingChange(model.weights, change, grown);
  return {
    model: decoder === base ? model : withEmbeddingsOf(model, base, decoder),
    decoder,
    adapters,
    read: adapters.reduce(
      (before, adapter) => wholeMerge(before, adapter),
      (name: string) => stored.read(untied && name === HEAD ? EMBEDDING : name),
    ),
    notes: [
      ...untied
        ? ["an adapter changes embedding or output head, which the base has as one: both are written, untied"]
        : [],
      ...decoder.vocabSize === base.vocabSize ? [] : [
        `an adapter was trained with a larger vocabulary: the embeddings have ${decoder.vocabSize} rows in place of ${base.vocabSize}`,
      ],
    ],
  };
}

/** An adapter to merge; one that is written alone has linear modules only, which is all that llama.cpp's format has a place for. */
function adapterOf(
  path: string,
  format: ExportConfig["export_format"],
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
