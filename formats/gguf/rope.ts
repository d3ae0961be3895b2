/**
 * Rotary scaling of a GGUF file in transformers' spelling, as llama.cpp reads it (src/llama-model.cpp, ggml's rope_yarn).
 * @module
 */
import { shown } from "../message.ts";
import { realField, textField } from "./fields.ts";
import type { GgufFile } from "./reader.ts";

/**
 * Rotary scaling; null: none. Llama 3's is not named in a GGUF file but given as one divisor a frequency (`rope_freqs.weight`):
 * where they are those of a `llama3` rule with Meta's bounds 1 and 4 the rule is written, else the divisors themselves,
 * which transformers spells as `longrope` with an attention factor of 1.
 * @throws {RangeError} If the kind isn't supported; names it.
 * @throws {TypeError} If a field has the wrong type.
 */
export function ropeScaling(file: GgufFile, architecture: string, theta: number, headDim: number): unknown {
  const { metadata, path, tensors } = file, key = (name: string) => `${architecture}.rope.${name}`;
  const old = metadata.has(key("scaling.factor")) ? key("scaling.factor") : key("scale_linear");
  // 0 and a missing one stand for none; without a type it is linear
  const factor = realField(metadata, old, path, 0) || 1;
  const type = metadata.has(key("scaling.type")) ? textField(metadata, key("scaling.type"), path) : "linear";
  const hasDivisors = tensors.has("rope_freqs.weight");
  if (type !== "none" && type !== "linear" || factor !== 1 && type === "linear" && hasDivisors) {
    throw new RangeError(
      `Cannot open ${path}: rotary scaling ${shown(type)}${hasDivisors ? " beside rope_freqs.weight" : ""} ` +
        `isn't supported. Supported are linear, llama3`,
    );
  }
  if (type === "linear" && factor !== 1) return { rope_type: "linear", factor };
  if (!hasDivisors) return null;
  const divisors = file.readFloat32("rope_freqs.weight");
  if (divisors.length !== headDim / 2 || divisors.some((divisor) => !(divisor > 0))) {
    throw new TypeError(
      `Cannot open ${path}: rope_freqs.weight has ${divisors.length} values for heads of ${headDim}`,
    );
  }
  if (divisors.every((divisor) => divisor === 1)) return null;
  return llama3Rule(divisors, theta, headDim) ?? {
    rope_type: "longrope",
    factor: 1,
    attention_factor: 1,
    short_factor: [...divisors],
    long_factor: [...divisors],
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
