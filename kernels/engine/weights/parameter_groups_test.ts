import { assert } from "@std/assert";

import { takesWeightDecay } from "./parameter_groups.ts";

Deno.test("takesWeightDecay() is false for transformers' names of norms and biases alone", () => {
  // `no_decay` of the recorded training runs (transformers' Trainer).
  for (
    const name of [
      "model.layers.0.self_attn.q_norm.weight",
      "model.layers.0.self_attn.k_norm.weight",
      "model.layers.0.input_layernorm.weight",
      "model.layers.1.post_attention_layernorm.weight",
      "model.norm.weight",
      "model.layers.0.self_attn.q_proj.bias",
    ]
  ) assert(!takesWeightDecay(name), name);
  for (
    const name of [
      "model.embed_tokens.weight",
      "lm_head.weight",
      "model.layers.0.self_attn.q_proj.weight",
      "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight",
    ]
  ) assert(takesWeightDecay(name), name);
});
