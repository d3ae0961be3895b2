/**
 * config.json in transformers' spelling, made from a GGUF file's metadata and tensors.
 * @module
 */
import { entryOf } from "../elements.ts";
import { didYouMean } from "../did_you_mean.ts";
import { shown } from "../message.ts";
import { integerField, realField, textField } from "./fields.ts";
import { checkIsModel, checkNeutral } from "./neutral.ts";
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
};

/** `model_type` of each architecture of llama.cpp that is read; its `qwen2vl` is Qwen2.5-VL's too. */
const MODEL_TYPES: Readonly<Record<string, string>> = {
  llama: "llama",
  mistral: "mistral",
  qwen2: "qwen2",
  qwen3: "qwen3",
  qwen2vl: "qwen2_vl",
  qwen3vl: "qwen3_vl",
};

/**
 * Makes the config. `llama` covers Mistral too, whose files carry that name; one with a sliding window becomes
 * model_type `mistral`. The output is tied to the embedding where the file has no `output.weight`.
 * @throws {RangeError} If the architecture or a feature isn't supported, or a field is missing; names it.
 * @throws {TypeError} If a field has the wrong type.
 */
export function ggufConfig(file: GgufFile): Record<string, unknown> {
  const { metadata, tensors, path } = file;
  checkIsModel(metadata, path);
  const architecture = textField(metadata, "general.architecture", path);
  if (!Object.hasOwn(MODEL_TYPES, architecture)) {
    const known = Object.keys(MODEL_TYPES);
    throw new RangeError(
      `Cannot open ${path}: its architecture is ${shown(architecture)}${didYouMean(architecture, known)}: ` +
        `supported are ${known.join(", ")}`,
    );
  }
  const has = (key: string) => metadata.has(`${architecture}.${key}`);
  const count = (key: string, otherwise?: number) =>
    integerField(metadata, `${architecture}.${key}`, path, otherwise);
  if (has("expert_count") && count("expert_count") > 0) {
    throw new RangeError(
      `Cannot open ${path}: it is a mixture of ${count("expert_count")} experts, not supported`,
    );
  }
  const hiddenSize = count("embedding_length");
  const heads = count("attention.head_count");
  const keyValueHeads = count("attention.head_count_kv", heads);
  const headDim = count("attention.key_length", Math.floor(hiddenSize / heads));
  for (
    const [key, size] of [["attention.value_length", headDim], ["rope.dimension_count", headDim]] as const
  ) {
    if (count(key, size) !== size) {
      throw new RangeError(
        `Cannot open ${path}: ${architecture}.${key} is ${count(key)}, the heads have ${size}`,
      );
    }
  }
  checkNeutral(file, architecture, headDim);
  const embedding = tensors.get("token_embd.weight");
  if (!embedding) throw new RangeError(`Cannot open ${path}: it has no tensor "token_embd.weight"`);

  const theta = realField(metadata, `${architecture}.rope.freq_base`, path, 10000);
  const sliding = count("attention.sliding_window", 0);
  const modelType = entryOf(
    MODEL_TYPES,
    architecture === "llama" && sliding > 0 ? "mistral" : architecture,
  );
  const config: Record<string, unknown> = {
    architectures: [MODEL_CLASSES[modelType]],
    model_type: modelType,
    vocab_size: embedding.shape[0],
    hidden_size: hiddenSize,
    intermediate_size: count("feed_forward_length"),
    num_hidden_layers: count("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: headDim,
    hidden_act: "silu",
    max_position_embeddings: count("context_length"),
    rms_norm_eps: realField(metadata, `${architecture}.attention.layer_norm_rms_epsilon`, path),
    rope_theta: theta,
    rope_scaling: withSections(file, architecture, ropeScaling(file, architecture, theta, headDim)),
    tie_word_embeddings: !tensors.has("output.weight"),
    dtype: "float32",
  };
  const isQwen3 = architecture.startsWith("qwen3");
  if (architecture === "llama" || isQwen3) {
    config.attention_bias = tensors.has("blk.0.attn_output.bias") ||
      isQwen3 && tensors.has("blk.0.attn_q.bias");
  }
  if (modelType === "llama") config.mlp_bias = tensors.has("blk.0.ffn_gate.bias");
  if (modelType === "mistral") config.sliding_window = sliding;
  if (modelType.startsWith("qwen")) {
    Object.assign(config, { use_sliding_window: false, sliding_window: null });
    if (sliding > 0) {
      throw new RangeError(`Cannot open ${path}: a sliding window in a ${modelType} GGUF isn't supported`);
    }
  }
  for (const name of ["bos", "eos", "padding"] as const) {
    const id = metadata.get(`tokenizer.ggml.${name}_token_id`);
    if (typeof id === "number") config[`${name === "padding" ? "pad" : name}_token_id`] = id;
  }
  // An answer ends at any of them, as in llama.cpp; transformers has a list then.
  const ends = ["eos", "eot", "eom"].map((name) => metadata.get(`tokenizer.ggml.${name}_token_id`));
  const ids = [...new Set(ends.filter((id) => typeof id === "number"))];
  if (ids.length > 1) config.eos_token_id = ids;
  return config;
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
