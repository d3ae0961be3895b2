/**
 * Made-up models for programs that load exports.
 * @module
 */
import { saveModel } from "../../formats/hf_model/mod.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import { models } from "../../plugins/models/mod.ts";
import { Registry } from "../../plugins/registry.ts";
import { writeByteTokenizer } from "./_byte_tokenizer.ts";

/** Writes a model of drawn weights, with a tokenizer of bytes. @param sizes Fields of its config.json, `model_type` among them @param spread Matrices have values up to 1.5 times this */
export function drawnModel(folder: string, sizes: Record<string, unknown>, spread = 0.4): void {
  const config = {
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 97,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    hidden_act: "silu",
    rope_theta: 10000,
    ...sizes,
  };
  const decoder = new Registry(models).create("model", String(sizes.model_type)).parse(config);
  let seed = 7;
  const u = () => ((seed = Math.imul(seed, 1664525) + 1013904223 | 0) >>> 0) / 2 ** 32 - 0.5;
  const tensors = [...tensorShapes(decoder)].map(([name, shape]) => {
    const count = shape.reduce((a, b) => a * b);
    const values = Float32Array.from(
      { length: count },
      () => shape.length === 1 ? 1 - (decoder.normOffset ?? 0) + 0.1 * u() : spread * (u() + u() + u()),
    );
    return { name, shape, data: () => values };
  });
  saveModel(folder, tensors, { config, dtype: "float32" });
  writeByteTokenizer(folder);
}
