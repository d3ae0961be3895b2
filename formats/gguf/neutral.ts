/**
 * Metadata of a GGUF file that would change what its model computes and that this decoder has no place for: passing over one would give other
 * answers without a word. Names are those of llama.cpp (src/llama-arch.cpp).
 * @module
 */
import { shown } from "../message.ts";
import type { GgufMetadata } from "./header.ts";
import type { GgufFile } from "./reader.ts";

/** By the name behind the architecture's: the values that change nothing. */
const NEUTRAL: Readonly<Record<string, readonly (number | boolean)[]>> = {
  "expert_count": [0],
  "expert_shared_count": [0],
  "leading_dense_block_count": [0],
  "nextn_predict_layers": [0],
  "use_parallel_residual": [false],
  "swin_norm": [false],
  "logit_scale": [0, 1],
  "residual_scale": [0, 1],
  "embedding_scale": [0, 1],
  "attn_logit_softcapping": [0],
  "final_logit_softcapping": [0],
  "full_attention_interval": [0, 1],
  "attention.causal": [true],
  "attention.clamp_kqv": [0],
  "attention.max_alibi_bias": [0],
  "attention.output_scale": [0, 1],
  "attention.temperature_length": [0],
  "attention.temperature_scale": [0],
  "attention.shared_kv_layers": [0],
  "rope.scaling.alpha": [0, 1],
};

/** Keys of {@linkcode NEUTRAL} and `attention.scale` that an architecture's models have a place for. */
const READ: Readonly<Record<string, readonly string[]>> = {
  gemma2: ["attn_logit_softcapping", "final_logit_softcapping"],
  granite: ["logit_scale", "residual_scale", "embedding_scale", "attention.scale"],
};

/**
 * Refuses keys that would change the result.
 * @param headDim Width of a head, by whose root scores are divided.
 * @throws {RangeError} If there is one; names key and value.
 */
export function checkNeutral({ metadata, path }: GgufFile, architecture: string, headDim: number): void {
  const read = READ[architecture] ?? [];
  for (const [name, values] of Object.entries(NEUTRAL)) {
    if (read.includes(name)) continue;
    const value = metadata.get(`${architecture}.${name}`);
    if (value === undefined || values.some((neutral) => neutral === value)) continue;
    throw unsupported(path, `${architecture}.${name}`, value);
  }
  const key = `${architecture}.attention.scale`, scale = metadata.get(key);
  const isPlain = scale === undefined || scale === 0 || read.includes("attention.scale");
  if (!isPlain && !(Math.abs(Number(scale) * Math.sqrt(headDim) - 1) < 1e-6)) {
    throw unsupported(path, key, scale);
  }
  const sections = metadata.get(`${architecture}.rope.dimension_sections`);
  const list = Array.isArray(sections) || ArrayBuffer.isView(sections) ? Array.from<unknown>(sections) : [];
  if (!architecture.endsWith("vl") && list.some((size) => size !== 0)) {
    throw unsupported(path, `${architecture}.rope.dimension_sections`, sections);
  }
}

/**
 * Refuses files that aren't a whole model: adapters, and parts of one.
 * @throws {RangeError} If it is one; says what it is.
 */
export function checkIsModel(metadata: GgufMetadata, path: string): void {
  const type = metadata.get("general.type");
  if (type !== undefined && type !== "model") {
    throw new RangeError(`Cannot open ${path} as a model: its general.type is ${shown(type)}`);
  }
  const count = metadata.get("split.count"), number = metadata.get("split.no");
  if (typeof count === "number" && count > 1) {
    throw new RangeError(
      `Cannot open ${path}: it is part ${Number(number ?? 0) + 1} of ${count}. ` +
        `Join the parts with llama-gguf-split --merge`,
    );
  }
}

function unsupported(path: string, key: string, value: unknown): RangeError {
  return new RangeError(`Cannot open ${path}: ${key} isn't supported: current value is ${shown(value)}`);
}
