/**
 * Rotary scaling of a GGUF file in transformers' spelling, as llama.cpp reads it (src/llama-model.cpp, ggml's rope_yarn).
 * @module
 */
import { shown } from "../message.ts";
import { realField, textField } from "./fields.ts";
import { ROPE_DIVISORS } from "./names.ts";
import type { GgufFile } from "./reader.ts";

/**
 * Rotary scaling; null: none. Llama 3's is not named in a GGUF file but given as one divisor a frequency (`rope_freqs.weight`):
 * where they are those of a `llama3` rule with Meta's bounds 1 and 4 the rule is written, else the divisors themselves,
 * which transformers spells as `longrope` with an attention factor of 1.
 * @param headDim Elements of a head that are rotated
 * @throws {RangeError} If the kind isn't supported; names it.
 * @throws {TypeError} If a field has the wrong type.
 */
export function ropeScaling(file: GgufFile, architecture: string, theta: number, headDim: number): unknown {
  const { metadata, path, tensors } = file, key = (name: string) => `${architecture}.rope.${name}`;
  if (tensors.has(ROPE_DIVISORS.short) || tensors.has(ROPE_DIVISORS.long)) {
    return longropeScaling(file, architecture);
  }
  const old = metadata.has(key("scaling.factor")) ? key("scaling.factor") : key("scale_linear");
  // 0 and a missing one stand for none; without a type it is linear
  const factor = realField(metadata, old, path, 0) || 1;
  const type = metadata.has(key("scaling.type")) ? textField(metadata, key("scaling.type"), path) : "linear";
  const hasDivisors = tensors.has(ROPE_DIVISORS.all);
  const isScaled = type === "yarn" || type === "linear" && factor !== 1;
  if (!["none", "linear", "yarn"].includes(type) || isScaled && hasDivisors) {
    throw new RangeError(
      `Cannot open ${path}: rotary scaling ${shown(type)}${hasDivisors ? " beside rope_freqs.weight" : ""} ` +
        `isn't supported. Supported are linear, yarn, llama3`,
    );
  }
  const length = realField(metadata, key("scaling.attn_factor"), path, 1) || 1;
  if (type === "yarn") return yarnScaling(file, architecture, factor, length);
  if (isScaled && length === 1) return { rope_type: "linear", factor };
  const divisors = hasDivisors
    ? file.readFloat32(ROPE_DIVISORS.all)
    : new Float32Array(headDim / 2).fill(isScaled ? factor : 1);
  if (divisors.length !== headDim / 2 || divisors.some((divisor) => !(divisor > 0))) {
    throw new TypeError(
      `Cannot open ${path}: rope_freqs.weight has ${divisors.length} values for heads of ${headDim}`,
    );
  }
  if (length === 1 && divisors.every((divisor) => divisor === 1)) return null;
  return (length === 1 ? llama3Rule(divisors, theta, headDim) : null) ?? {
    rope_type: "longrope",
    factor: 1,
    attention_factor: length,
    short_factor: [...divisors],
    long_factor: [...divisors],
  };
}

/** Divisors of short texts and of long ones (Phi-3); llama.cpp chooses by the length of its context. */
function longropeScaling(file: GgufFile, architecture: string): Record<string, unknown> {
  const { metadata, path } = file;
  if (architecture !== "phi3") {
    throw new RangeError(
      `Cannot open ${path}: divisors by length (${ROPE_DIVISORS.short}) in a file of architecture ${architecture} aren't supported`,
    );
  }
  const [short, long] = [ROPE_DIVISORS.short, ROPE_DIVISORS.long].map((name) => [...file.readFloat32(name)]);
  return {
    rope_type: "longrope",
    attention_factor: realField(metadata, `${architecture}.rope.scaling.attn_factor`, path, 1) || 1,
    short_factor: short,
    long_factor: long,
  };
}

/**
 * YaRN as llama.cpp computes it for these architectures (src/llama-context.cpp): turns from 32 to 1 within the original length, and queries and keys
 * 0.1 ln(factor) + 1 times as long, times `attn_factor`. It passes over the keys that its converter writes of a model's own numbers: a file whose value
 * differs means another model than llama.cpp runs.
 */
function yarnScaling(
  { metadata, path }: GgufFile,
  architecture: string,
  factor: number,
  length: number,
): Record<string, unknown> {
  const key = (name: string) => `${architecture}.rope.scaling.${name}`;
  const real = (name: string, otherwise: number) => realField(metadata, key(name), path, otherwise);
  const attention = (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1) * length;
  const used = {
    yarn_beta_fast: [32],
    yarn_beta_slow: [1],
    yarn_log_multiplier: [0],
    yarn_ext_factor: [1],
    yarn_attn_factor: [1, attention],
  };
  for (const [name, values] of Object.entries(used)) {
    const [first = 0] = values, value = real(name, first);
    if (values.some((known) => Math.abs(value - known) <= 1e-6 * known)) continue;
    throw new RangeError(
      `Cannot open ${path}: ${key(name)} is ${value}, which llama.cpp passes over: it takes ${
        Number((values.at(-1) ?? first).toFixed(6))
      }. Take the model's own folder`,
    );
  }
  const context = realField(metadata, `${architecture}.context_length`, path);
  return {
    rope_type: "yarn",
    factor,
    original_max_position_embeddings: real("original_context_length", 0) || context,
    attention_factor: attention,
  };
}

function llama3Rule(divisors: Float32Array, theta: number, headDim: number): Record<string, unknown> | null {
  const factor = Math.max(...divisors), low = 1, high = 4;
  for (let original = 128; original <= 1 << 20; original *= 2) {
    const fits = divisors.every((divisor, i) => {
      const turns = original / (2 * Math.PI * theta ** (2 * i / headDim));
      const smooth = Math.min(1, Math.max(0, (turns - low) / (high - low)));
      return Math.abs(divisor * ((1 - smooth) / factor + smooth) - 1) < 1e-5;
    });
    if (fits) {
      return {
        rope_type: "llama3",
        factor,
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: original,
      };
    }
  }
  return null;
}
