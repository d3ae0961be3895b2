import assert from "node:assert/strict";

import { builtinRegistry } from "@dinotune/dinotune";
import plugin from "./my_plugin.ts";

const registry = builtinRegistry();
registry.define(plugin, "my_plugin.ts");
const config = {
  model_type: "my_plugin",
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 100,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
};

Deno.test("my_plugin: its config.json becomes a decoder", () => {
  const decoder = registry.create("model", "my_plugin").parse(config, "config.json");
  assert.deepEqual([decoder.modelType, decoder.numLayers, decoder.headDim, decoder.qkvBias], [
    "my_plugin",
    2,
    16,
    true,
  ]);
});

Deno.test("my_plugin: a field that is missing is named, with its file", () => {
  const { hidden_size: _, ...without } = config;
  assert.throws(
    () => registry.create("model", "my_plugin").parse(without, "config.json"),
    /config\.json.*hidden_size/,
  );
});
