import { assert, assertEquals } from "@std/assert";

import { rateFactor, takesWeightDecay } from "./parameter_groups.ts";

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

Deno.test("rateFactor() gives B, lengths and every vector LoRA+'s rate, and matrices that are trained whole the step's", () => {
  // LLaMA-Factory 0.9.5, `_create_loraplus_optimizer`: "lora_B" in name or param.ndim == 1
  const lora = "model.layers.0.self_attn.q_proj";
  const of = (name: string) => rateFactor(name, { ratioOfB: 16 });
  for (
    const name of [
      `${lora}.lora_B.weight`,
      `${lora}.lora_magnitude_vector`,
      `${lora}.bias`,
      "model.norm.weight",
      "model.layers.0.input_layernorm.weight",
      "model.layers.0.self_attn.k_norm.weight",
    ]
  ) assertEquals(of(name), 16, name);
  for (
    const name of [`${lora}.lora_A.weight`, `${lora}.weight`, "model.embed_tokens.weight", "lm_head.weight"]
  ) assertEquals(of(name), 1, name);
  assertEquals(rateFactor("model.norm.weight", {}), 1);
});
