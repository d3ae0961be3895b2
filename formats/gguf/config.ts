/**
 * config.json in transformers' spelling, made from a GGUF file's metadata and tensors.
 * @module
 */
import { entryOf } from "../elements.ts";
import { didYouMean } from "../did_you_mean.ts";
import { shown } from "../message.ts";
import { unsupportedArchitecture } from "../unsupported_families.ts";
import { integerField, realField, textField } from "./fields.ts";
import { checkIsModel, checkNeutral } from "./neutral.ts";
import type { GgufMetadata } from "./header.ts";
import type { GgufFile } from "./reader.ts";
import { ropeScaling } from "./rope.ts";

/** transformers' class of each `model_type` that is read. */
export const MODEL_CLASSES: Readonly<Record<string, string>> = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  qwen2_vl: "Qwen2VLForConditionalGeneration",
  qwen2_5_vl: "Qwen2_5_VLForConditionalGeneration",
  qwen3_vl: "Qwen3VLForConditionalGeneration",
  smollm3: "SmolLM3ForCausalLM",
  granite: "GraniteForCausalLM",
  gemma: "GemmaForCausalLM",
  gemma2: "Gemma2ForCausalLM",
  gemma3_text: "Gemma3ForCausalLM",
  olmo2: "Olmo2ForCausalLM",
  olmo3: "Olmo3ForCausalLM",
  exaone4: "Exaone4ForCausalLM",
  ernie4_5: "Ernie4_5ForCausalLM",
  glm4: "Glm4ForCausalLM",
  hunyuan_v1_dense: "HunYuanDenseV1ForCausalLM",
  phi3: "Phi3ForCausalLM",
};

/** `model_type` of each architecture of llama.cpp that is read; its `qwen2vl` is Qwen2.5-VL's too, and OLMo 3 is an `olmo2` with windows. */
const MODEL_TYPES: Readonly<Record<string, string>> = {
  llama: "llama",
  mistral: "mistral",
  qwen2: "qwen2",
  qwen3: "qwen3",
  qwen2vl: "qwen2_vl",
  qwen3vl: "qwen3_vl",
  smollm3: "smollm3",
  granite: "granite",
  gemma: "gemma",
  gemma2: "gemma2",
  gemma3: "gemma3_text",
  olmo2: "olmo2",
  exaone4: "exaone4",
  ernie4_5: "ernie4_5",
  glm4: "glm4",
  "hunyuan-dense": "hunyuan_v1_dense",
  phi3: "phi3",
};

/** llama.cpp rotates nothing in every so many layers of architecture smollm3; no key of a file says another number. */
export const NO_ROPE_INTERVAL = 4;

/**
 * Makes the config. `llama` covers Mistral too, whose files carry that name; one with a sliding window becomes
 * model_type `mistral`. The output is tied to the embedding where the file has no `output.weight`.
 * @throws {RangeError} If the architecture or a feature isn't supported, or a field is missing; names it.
 * @throws {TypeError} If a field has the wrong type.
 */
export function ggufConfig(file: GgufFile): Record<string, unknown> {
  const { metadata, tensors, path } = file;
  checkIsModel(metadata, path);
  const fields = architectureFields(file);
  const { hiddenSize, heads, keyValueHeads, headDim, rotated } = attentionSizes(fields, path);
  checkNeutral(file, fields.architecture, headDim);
  const embedding = tensors.get("token_embd.weight");
  if (!embedding) throw new RangeError(`Cannot open ${path}: it has no tensor "token_embd.weight"`);

  const theta = fields.real("rope.freq_base", 10000);
  const scaling = ropeScaling(file, fields.architecture, theta, rotated);
  const modelType = modelTypeOf(fields);
  return {
    architectures: [MODEL_CLASSES[modelType]],
    model_type: modelType,
    vocab_size: embedding.shape[0],
    hidden_size: hiddenSize,
    intermediate_size: fields.count("feed_forward_length"),
    num_hidden_layers: fields.count("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headDim,
    ...activation(modelType),
    max_position_embeddings: fields.count("context_length"),
    rms_norm_eps: fields.real("attention.layer_norm_rms_epsilon"),
    ...(modelType === "olmo3"
      ? { rope_parameters: olmo3Rotations(fields, theta, scaling) }
      : { rope_theta: theta, rope_scaling: withSections(file, fields.architecture, scaling) }),
    tie_word_embeddings: !tensors.has("output.weight"),
    dtype: "float32",
    ...biases(file, fields.architecture, modelType),
    ...(modelType === "smollm3" && { no_rope_layer_interval: NO_ROPE_INTERVAL }),
    ...(modelType === "granite" && multipliers(fields, headDim)),
    ...(modelType === "phi3" && phi3Fields(fields, { headDim, rotated })),
    ...(modelType === "glm4" && { partial_rotary_factor: rotatedShare({ headDim, rotated }) }),
    ...(modelType === "gemma3_text" && gemma3Fields(fields)),
    ...(modelType === "gemma2" && gemma2Fields(fields)),
    ...((modelType === "olmo3" || modelType === "exaone4") && fourLayerFields(file, fields)),
    ...(Object.hasOwn(GEMMA_WINDOWED, fields.architecture)
      ? { query_pre_attn_scalar: scoreWidthOf(fields, { hiddenSize, heads, headDim }) }
      : slidingWindow(fields, modelType, path)),
    ...specialTokenIds(metadata),
  };
}

/** The metadata of a file's architecture, whose keys begin with its name. */
interface ArchitectureFields {
  /** llama.cpp's name. */
  architecture: string;
  /** A whole number by its key without that name. */
  count(key: string, otherwise?: number): number;
  /** A real number, likewise. */
  real(key: string, otherwise?: number): number;
}

function architectureFields({ metadata, path }: GgufFile): ArchitectureFields {
  const architecture = textField(metadata, "general.architecture", path);
  if (!Object.hasOwn(MODEL_TYPES, architecture)) {
    const known = Object.keys(MODEL_TYPES), why = unsupportedArchitecture(architecture);
    const hint = why === null ? didYouMean(architecture, known) : `, ${why}`;
    throw new RangeError(
      `Cannot open ${path}: its architecture is ${shown(architecture)}${hint}: supported are ${
        known.join(", ")
      }`,
    );
  }
  return {
    architecture,
    count: (key, otherwise) => integerField(metadata, `${architecture}.${key}`, path, otherwise),
    real: (key, otherwise) => realField(metadata, `${architecture}.${key}`, path, otherwise),
  };
}

function attentionSizes({ architecture, count }: ArchitectureFields, path: string) {
  const experts = count("expert_count", 0);
  if (experts > 0) {
    throw new RangeError(`Cannot open ${path}: it is a mixture of ${experts} experts, not supported`);
  }
  const hiddenSize = count("embedding_length");
  const heads = count("attention.head_count");
  const keyValueHeads = count("attention.head_count_kv", heads);
  const headDim = count("attention.key_length", Math.floor(hiddenSize / heads));
  const rotated = count("rope.dimension_count", headDim);
  for (const key of ["attention.value_length", "rope.dimension_count"]) {
    const size = count(key, headDim);
    if (
      size !== headDim && !(["phi3", "glm4"].includes(architecture) && size === rotated && rotated < headDim)
    ) {
      throw new RangeError(
        `Cannot open ${path}: ${architecture}.${key} is ${size}, the heads have ${headDim}`,
      );
    }
  }
  return { hiddenSize, heads, keyValueHeads, headDim, rotated };
}

function modelTypeOf({ architecture, count }: ArchitectureFields): string {
  const windowed = count("attention.sliding_window", 0) > 0;
  if (windowed && architecture === "olmo2") return "olmo3";
  return entryOf(MODEL_TYPES, architecture === "llama" && windowed ? "mistral" : architecture);
}

/** As the first block's tensors say, for classes whose configuration has such a key. */
function biases({ tensors }: GgufFile, architecture: string, modelType: string): Record<string, boolean> {
  const hasBias = (name: string) => tensors.has(`blk.0.${name}.bias`);
  const isQwen3 = architecture.startsWith("qwen3");
  return {
    ...((architecture === "llama" || modelType === "granite" || isQwen3) && {
      attention_bias: hasBias("attn_output") || isQwen3 && hasBias("attn_q"),
    }),
    ...(modelType === "glm4" && { attention_bias: hasBias("attn_q") }),
    ...((modelType === "llama" || modelType === "granite") && { mlp_bias: hasBias("ffn_gate") }),
  };
}

function slidingWindow(
  { count }: ArchitectureFields,
  modelType: string,
  path: string,
): Record<string, unknown> {
  const window = count("attention.sliding_window", 0);
  if (modelType === "mistral") return { sliding_window: window };
  // its converter writes 0 for none
  if (modelType === "phi3") return { sliding_window: window || null };
  if (["llama", "olmo3", "exaone4"].includes(modelType)) return {};
  if (window > 0) {
    throw new RangeError(`Cannot open ${path}: a sliding window in a ${modelType} GGUF isn't supported`);
  }
  return ["granite", "olmo2", "gemma", "ernie4_5", "glm4", "hunyuan_v1_dense"].includes(modelType)
    ? {}
    : { use_sliding_window: false, sliding_window: null };
}

/** Phi-3's: the share of each head that is rotated, and the length that the model was trained on first. */
function phi3Fields(
  { count }: ArchitectureFields,
  sizes: { headDim: number; rotated: number },
): Record<string, number> {
  const original = count("rope.scaling.original_context_length", count("context_length"));
  return { partial_rotary_factor: rotatedShare(sizes), original_max_position_embeddings: original };
}

/** The share of each head that is rotated; programs take the whole part of the product, which may be one less by rounding. */
function rotatedShare({ headDim, rotated }: { headDim: number; rotated: number }): number {
  const share = rotated / headDim;
  return Math.floor(share * headDim) === rotated ? share : (rotated + 0.5) / headDim;
}

/** Granite's, as llama.cpp reads them: a missing one or 0 stands for none, and of scores for 1 / √headDim. */
function multipliers({ real }: ArchitectureFields, headDim: number): Record<string, number> {
  return {
    embedding_multiplier: real("embedding_scale", 0) || 1,
    attention_multiplier: real("attention.scale", 0) || 1 / Math.sqrt(headDim),
    residual_multiplier: real("residual_scale", 0) || 1,
    logits_scaling: real("logit_scale"),
  };
}

/** Architectures of llama.cpp whose layers have a window, all but each so manyth, if no key says another number; and how many layers its "27B" has. */
const GEMMA_WINDOWED: Readonly<Record<string, { period: number; largest: number }>> = {
  gemma2: { period: 2, largest: 46 },
  gemma3: { period: 6, largest: 62 },
};

/** Of each so many layers the last one of an architecture has no window; null: it isn't one of Gemma's that have windows. */
export function gemmaPeriod(architecture: string): number | null {
  return GEMMA_WINDOWED[architecture]?.period ?? null;
}

/** Sizes of a decoder's attention. */
interface AttentionSizes {
  numLayers: number;
  hiddenSize: number;
  numHeads: number;
  headDim: number;
}

/**
 * The width by whose root llama.cpp divides scores of architectures gemma2 and gemma3: a head's, but of the 27B model all heads' share of
 * hidden_size.
 */
export function gemmaScoreWidth(
  architecture: string,
  { numLayers, hiddenSize, numHeads, headDim }: AttentionSizes,
): number {
  return numLayers === GEMMA_WINDOWED[architecture]?.largest ? hiddenSize / numHeads : headDim;
}

function scoreWidthOf(
  { architecture, count }: ArchitectureFields,
  { heads: numHeads, ...sizes }: { hiddenSize: number; heads: number; headDim: number },
): number {
  return gemmaScoreWidth(architecture, { numLayers: count("block_count"), numHeads, ...sizes });
}

/** Gemma 2's, with what llama.cpp takes where a key is missing. */
function gemma2Fields({ count, real }: ArchitectureFields): Record<string, unknown> {
  return {
    sliding_window: count("attention.sliding_window", 4096),
    attn_logit_softcapping: real("attn_logit_softcapping", 50),
    final_logit_softcapping: real("final_logit_softcapping", 30),
  };
}

/** Gemma 3's: a file without a window has none in any layer. */
function gemma3Fields({ architecture, count, real }: ArchitectureFields): Record<string, unknown> {
  const window = count("attention.sliding_window", 0);
  return {
    rope_local_base_freq: real("rope.freq_base_swa", 10000),
    ...(window > 0
      ? {
        sliding_window: window,
        sliding_window_pattern: count(
          "attention.sliding_window_pattern",
          gemmaPeriod(architecture) ?? undefined,
        ),
      }
      : { layer_types: new Array(count("block_count")).fill("full_attention") }),
  };
}

/** Of each so many layers the last one has no window, in llama.cpp's olmo2 with windows (OLMo 3) and exaone4. */
export const WINDOW_PERIOD = 4;

/** The number of layers with which llama.cpp's exaone4 has windows; with another all of them see everything. */
export const WINDOWED_EXAONE4 = 64;

/** Windows of OLMo 3 and EXAONE 4, which llama.cpp has in its code: it passes over a list of layers that a file has. */
function fourLayerFields(
  { metadata, path }: GgufFile,
  { architecture, count }: ArchitectureFields,
): Record<string, unknown> {
  const key = `${architecture}.attention.sliding_window_pattern`, layers = count("block_count");
  const types = Array.from({ length: layers }, (_, i) => (i + 1) % WINDOW_PERIOD !== 0);
  const pattern = metadata.get(key) ?? WINDOW_PERIOD;
  const isList = Array.isArray(pattern) || ArrayBuffer.isView(pattern);
  const isUsual = isList
    ? String(Array.from<unknown>(pattern as ArrayLike<unknown>).map(Boolean)) === String(types)
    : pattern === WINDOW_PERIOD;
  const isOpen = architecture === "exaone4" && layers !== WINDOWED_EXAONE4;
  if (isOpen && count("attention.sliding_window", 0) > 0) {
    throw new RangeError(
      `Cannot open ${path}: a sliding window in an exaone4 GGUF of ${layers} layers isn't supported: llama.cpp has it with ${WINDOWED_EXAONE4} layers alone`,
    );
  }
  if (isOpen) return { sliding_window: null, layer_types: new Array(layers).fill("full_attention") };
  if (!isUsual) {
    throw new RangeError(
      `Cannot open ${path}: ${key} isn't supported: current value is ${
        shown(pattern)
      }, llama.cpp leaves each ${WINDOW_PERIOD}th layer without a window`,
    );
  }
  return {
    sliding_window: count("attention.sliding_window", 4096),
    layer_types: types.map((slides) => slides ? "sliding_attention" : "full_attention"),
  };
}

/** OLMo 3's: layers with a window rotate by the same base, without the scaling. */
function olmo3Rotations(
  { real }: ArchitectureFields,
  theta: number,
  scaling: unknown,
): Record<string, unknown> {
  const full = (scaling ?? { rope_type: "default" }) as Record<string, unknown>;
  return {
    full_attention: { ...full, rope_theta: theta },
    sliding_attention: { rope_type: "default", rope_theta: real("rope.freq_base_swa", theta) },
  };
}

/** What the gate is put through, by the field of the family's class. */
function activation(modelType: string): Record<string, string> {
  const gelu = "gelu_pytorch_tanh";
  if (modelType === "gemma") return { hidden_act: gelu };
  return modelType.startsWith("gemma") ? { hidden_activation: gelu } : { hidden_act: "silu" };
}

function specialTokenIds(metadata: GgufMetadata): Record<string, number | number[]> {
  const idOf = (name: string) => {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof id === "number" ? id : undefined;
  };
  const [bos, eos, pad] = ["bos", "eos", "padding"].map(idOf);
  // An answer ends at any of them, as in llama.cpp; transformers has a list then.
  const ends = [...new Set([eos, idOf("eot"), idOf("eom")].filter((id) => id !== undefined))];
  const end = ends.length > 1 ? ends : eos;
  return {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(end !== undefined && { eos_token_id: end }),
    ...(pad !== undefined && { pad_token_id: pad }),
  };
}

/** Sections of a rotation by three position axes, which a file pads to four; Qwen3-VL interleaves them. */
function withSections({ metadata, path }: GgufFile, architecture: string, scaling: unknown): unknown {
  const key = `${architecture}.rope.dimension_sections`, sections = metadata.get(key);
  if (sections === undefined || !architecture.endsWith("vl")) return scaling;
  const sizes = Array.isArray(sections) || ArrayBuffer.isView(sections) ? Array.from<unknown>(sections) : [];
  if (sizes.length < 3 || !sizes.every((size) => Number.isSafeInteger(size))) {
    throw new TypeError(`Cannot open ${path}: "${key}" is ${shown(sections)}, not three or four counts`);
  }
  return {
    ...(scaling ?? { rope_type: "default" }),
    mrope_section: sizes.slice(0, 3),
    ...(architecture === "qwen3vl" && { mrope_interleaved: true }),
  };
}
