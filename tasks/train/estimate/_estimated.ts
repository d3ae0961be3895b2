/**
 * Estimates of SmolLM2.
 * @module
 */
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/mod.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";

/** SmolLM2-135M, by its config.json. */
export const SMOLLM2_DECODER: DecoderConfig = builtinRegistry().create("model", "llama").parse({
  model_type: "llama",
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
  max_position_embeddings: 8192,
  hidden_act: "silu",
  eos_token_id: 2,
});

/** A configuration with these lines added. */
export function estimatedConfig(more: string): TrainConfig {
  const base = "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n";
  return resolveTrainConfig(parseYaml(base + more, "t.yaml")).config;
}

/** An example of so many tokens. */
export function exampleOfLengths(prompt: number, answer: number): EncodedExample {
  const ids = Array.from({ length: prompt + answer }, (_, i) => i);
  return {
    index: 0,
    source: { file: "", row: 0 },
    sequences: [{ name: "xy", input_ids: ids, labels: ids.map((id, i) => i < prompt ? -100 : id) }],
  };
}

/** Supervised fine-tuning. */
export const SFT_LOSS = builtinRegistry().create("loss", "sft");
