/**
 * What the configurations of all model families share.
 * @module
 */
import { ConfigFields } from "./config_fields.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import { inverseFrequencies } from "./rope.ts";

/** What a family decides itself. */
export type FamilyPart = Pick<DecoderConfig, "qkvBias" | "outputBias" | "mlpBias" | "qkNorm">;

/** What differs in how families read the common fields. */
export interface CommonOptions {
  /** Size of a head where the config has none (default hidden_size / num_attention_heads). */
  readonly headDim?: number;
  /** Whether a missing num_key_value_heads means num_attention_heads (Llama) or is an error (default). */
  readonly keyValueHeadsOptional?: boolean;
}

/**
 * Opens a config for one family.
 * @throws {RangeError} If its `model_type` is another.
 */
export function fieldsOf(config: Record<string, unknown>, modelType: string): ConfigFields {
  const fields = new ConfigFields(config, `a ${modelType} model`);
  if (config.model_type !== modelType) {
    throw fields.unsupported("model_type", `this family reads ${modelType}`);
  }
  return fields;
}

/**
 * Reads the common fields.
 * @param slidingWindow Per layer, as the family decides.
 * @throws {RangeError} If a field is missing or asks for something that isn't supported; named.
 */
export function commonConfig(
  fields: ConfigFields,
  modelType: string,
  part: FamilyPart,
  slidingWindow: (layers: number) => (number | null)[],
  options: CommonOptions = {},
): DecoderConfig {
  if (fields.text("hidden_act", "silu") !== "silu") {
    throw fields.unsupported("hidden_act", "only silu is supported");
  }
  if (fields.number("attention_dropout", 0) !== 0) {
    throw fields.unsupported("attention_dropout", "only 0 is supported: set it in config.json");
  }
  const hiddenSize = fields.count("hidden_size");
  const numHeads = fields.count("num_attention_heads");
  // A null stands for "as many as heads" in every family; only Llama's field may be left out.
  const keyValueDefault = options.keyValueHeadsOptional || fields.mentions("num_key_value_heads")
    ? numHeads
    : undefined;
  const numKeyValueHeads = fields.count("num_key_value_heads", keyValueDefault);
  if (numHeads % numKeyValueHeads !== 0) {
    throw fields.unsupported("num_key_value_heads", `it is to divide num_attention_heads, ${numHeads}`);
  }
  const headDim = fields.count("head_dim", options.headDim ?? hiddenSize / numHeads);
  if (headDim % 2 !== 0) {
    throw new RangeError(
      `Cannot use the config of ${fields.what}: the size of a head is ${headDim}, it is to be even`,
    );
  }
  const numLayers = fields.count("num_hidden_layers");
  const rmsNormEps = fields.number("rms_norm_eps", 1e-6);
  if (!(rmsNormEps > 0)) throw fields.unsupported("rms_norm_eps", "it is to be above 0");
  return {
    modelType,
    hiddenSize,
    intermediateSize: fields.count("intermediate_size"),
    numLayers,
    numHeads,
    numKeyValueHeads,
    headDim,
    vocabSize: fields.count("vocab_size"),
    rmsNormEps,
    inverseFrequencies: inverseFrequencies(fields, headDim),
    ...part,
    slidingWindow: slidingWindow(numLayers),
    tieWordEmbeddings: fields.flag("tie_word_embeddings", false),
    maxPositionEmbeddings: fields.count("max_position_embeddings"),
    eosTokenIds: fields.ids("eos_token_id"),
  };
}

/** Every layer sees everything. */
export function fullAttention(layers: number): null[] {
  return new Array(layers).fill(null);
}

/**
 * Qwen's rule: `layer_types` names each layer; without it the layers from `max_window_layers` on have the window, if
 * `use_sliding_window` is set.
 * @throws {RangeError} If the fields contradict each other.
 */
export function qwenWindows(fields: ConfigFields, layers: number): (number | null)[] {
  const isUsed = fields.flag("use_sliding_window", false);
  const window = isUsed && (fields.has("sliding_window") || !fields.mentions("sliding_window"))
    ? fields.count("sliding_window", 4096)
    : null;
  const types = fields.texts("layer_types");
  if (types === null) {
    // 0 is a value here: all layers have the window.
    const first = fields.number("max_window_layers", 28);
    return Array.from({ length: layers }, (_, i) => i >= first ? window : null);
  }
  if (types.length !== layers) throw fields.unsupported("layer_types", `there are ${layers} layers`);
  return types.map((type) => {
    if (type === "full_attention") return null;
    if (type !== "sliding_attention") {
      throw fields.unsupported("layer_types", "supported are full_attention and sliding_attention");
    }
    if (window === null) {
      throw fields.unsupported(
        "layer_types",
        "sliding_attention needs use_sliding_window and sliding_window",
      );
    }
    return window;
  });
}
