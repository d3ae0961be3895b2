/**
 * Fields shared by the configurations of all model families.
 * @module
 */
import { shown } from "../../formats/message.ts";
import { ConfigFields } from "./config_fields.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { rotationOf } from "./rope.ts";

/** swish is silu's other name in transformers. */
const SILU = { field: "hidden_act", names: ["silu", "swish"] } as const;

/** Fields that each family sets itself. */
export type FamilyPart = Pick<DecoderConfig, "qkvBias" | "outputBias" | "mlpBias" | "qkNorm">;

/** Differences between families in reading the common fields. */
export interface CommonOptions {
  /** Window of each layer, null for all tokens, as the family decides. */
  readonly slidingWindow: (layers: number) => (number | null)[];
  /** Size of a head where the config has none (default hidden_size / num_attention_heads). */
  readonly headDim?: number;
  /** True if a missing num_key_value_heads means num_attention_heads (Llama) or is an error (default). */
  readonly keyValueHeadsOptional?: boolean;
  /** Key and value heads where the config doesn't mention them, as transformers' class has it (default: an error). */
  readonly keyValueHeads?: number;
  /** ε of norms where the config has none (default 1e-6). */
  readonly rmsNormEps?: number;
  /** True if a missing tie_word_embeddings means that they are tied. */
  readonly isTied?: boolean;
  /** Rotation of heads of a size (default as transformers reads `rope_theta` and its scaling). */
  readonly rotation?: (headDim: number) => ReturnType<typeof rotationOf>;
  /** The field that says what the MLP's gate is put through, and its names in transformers (default hidden_act, silu). */
  readonly activation?: { readonly field: string; readonly names: readonly [string, ...string[]] };
}

/**
 * Opens a config for one family.
 * @param file Its path, for messages.
 * @throws {RangeError} If its `model_type` is another.
 */
export function fieldsOf(config: Record<string, unknown>, modelType: string, file: string): ConfigFields {
  const fields = new ConfigFields(config, `${file} of a ${modelType} model`);
  if (config.model_type !== modelType) {
    throw fields.unsupported("model_type", `this family reads ${modelType}`);
  }
  return fields;
}

/** Llama's part: `attention_bias` is that of all four matrices of attention. */
export function llamaPart(fields: ConfigFields): FamilyPart {
  const attentionBias = fields.flag("attention_bias", false);
  return {
    qkvBias: attentionBias,
    outputBias: attentionBias,
    mlpBias: fields.flag("mlp_bias", false),
    qkNorm: false,
  };
}

/**
 * Reads the common fields.
 * @throws {RangeError} If a field is missing or asks for something that isn't supported; named.
 */
export function commonConfig(
  fields: ConfigFields,
  modelType: string,
  part: FamilyPart,
  options: CommonOptions,
): DecoderConfig {
  const { field, names } = options.activation ?? SILU;
  if (!names.includes(fields.text(field, names[0]))) {
    throw fields.unsupported(field, `only ${names[0]} is supported`);
  }
  if (fields.number("attention_dropout", 0) !== 0) {
    throw fields.unsupported("attention_dropout", "only 0 is supported: set it in config.json");
  }
  const hiddenSize = fields.count("hidden_size");
  const numHeads = fields.count("num_attention_heads");
  // A null stands for "as many as heads" in every family; only Llama's field may be left out.
  const keyValueDefault = options.keyValueHeadsOptional || fields.mentions("num_key_value_heads")
    ? numHeads
    : options.keyValueHeads;
  const numKeyValueHeads = fields.count("num_key_value_heads", keyValueDefault);
  if (numHeads % numKeyValueHeads !== 0) {
    throw fields.unsupported("num_key_value_heads", `it is to divide num_attention_heads, ${numHeads}`);
  }
  const headDim = fields.count("head_dim", options.headDim ?? hiddenSize / numHeads, 1 << 16);
  if (headDim % 2 !== 0) {
    throw fields.fault(`the size of a head is ${headDim}, it is to be even`);
  }
  const numLayers = fields.count("num_hidden_layers", undefined, 10_000);
  fields.agree("dtype", fields, "torch_dtype", (a, b) => plainType(a) === plainType(b));
  const windows = options.slidingWindow(numLayers);
  checkLayerTypes(fields, windows);
  const rmsNormEps = fields.number("rms_norm_eps", options.rmsNormEps ?? 1e-6);
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
    ...options.rotation?.(headDim) ?? rotationOf(fields, headDim, modelType),
    ...part,
    slidingWindow: windows,
    tieWordEmbeddings: fields.flag("tie_word_embeddings", options.isTied ?? false),
    maxPositionEmbeddings: fields.count("max_position_embeddings"),
    eosTokenIds: fields.ids("eos_token_id"),
  };
}

/** `torch.bfloat16` and `bfloat16` are one type. */
function plainType(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^torch\./, "") : value;
}

/** `layer_types` names what other fields say as well, in every family. */
function checkLayerTypes(fields: ConfigFields, windows: readonly (number | null)[]): void {
  const types = fields.texts("layer_types");
  if (types === null) return;
  const meant = windows.map((window) => window === null ? "full_attention" : "sliding_attention");
  if (types.length !== windows.length) {
    throw fields.unsupported("layer_types", `there are ${windows.length} layers`);
  }
  const wrong = types.findIndex((type, i) => type !== meant[i]);
  if (wrong < 0) return;
  const others = ["use_sliding_window", "sliding_window", "max_window_layers"].filter((name) =>
    fields.mentions(name)
  );
  throw fields.fault(
    `layer_types gives layer ${wrong} ${shown(types[wrong])}, but ${
      others.map((name) => fields.say(name)).join(", ") || "models of this type"
    } give it ${meant[wrong]}: make them agree${
      others.includes("max_window_layers") ? ", or leave one of layer_types and max_window_layers out" : ""
    }`,
  );
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
  // 0 is a value here: all layers have the window.
  const first = fields.number("max_window_layers", 28);
  // where both are written they have to agree, which is checked for every family
  if (types === null || fields.has("max_window_layers") && window !== null) {
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
