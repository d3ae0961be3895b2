/**
 * Gemma 3, text (270m and 1b): four norms a layer, GeGLU, scaled embeddings, and windows with a rotation of their own.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";
import { rotationsByLayer, thetaOfFamily } from "./rope.ts";

const Options = z.strictObject({});

/** Names in transformers of GELU by its tanh approximation. */
const GELU_TANH = ["gelu_pytorch_tanh", "gelu_new"] as const;

/** The plugin `gemma3_text`; it has no options, config.json says everything. */
const gemma3: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "gemma3_text",
  version: "1",
  description: "Gemma 3, text: 270m and 1b",
  options: Options,
  create: () => ({
    modelType: "gemma3_text",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "gemma3_text", file);
      refuseOthers(fields);
      const attentionBias = fields.flag("attention_bias", false);
      const part = { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: true };
      const decoder = commonConfig(fields, "gemma3_text", part, {
        slidingWindow: (layers) => windowsOf(fields, layers),
        rotation: (headDim) =>
          rotationsByLayer(fields, headDim, {
            full_attention: thetaOfFamily("gemma3_text"),
            sliding_attention: 1e4,
          }),
        activation: { field: "hidden_activation", names: GELU_TANH },
        headDim: 256,
        isTied: true,
      });
      return {
        ...decoder,
        normPlaces: "both",
        normOffset: 1,
        gateActivation: "gelu_tanh",
        embeddingScale: Math.fround(Math.sqrt(decoder.hiddenSize)),
        noiseBehindScale: true,
        attentionScale: 1 / Math.sqrt(fields.positive("query_pre_attn_scalar", 256)),
      };
    },
  }),
});

export default gemma3;

/** What the class can do beside the models of this size. */
function refuseOthers(fields: ConfigFields): void {
  for (const name of ["attn_logit_softcapping", "final_logit_softcapping"]) {
    if (fields.has(name)) {
      throw fields.unsupported(name, "scores and logits that are capped aren't supported");
    }
  }
  if (fields.flag("use_bidirectional_attention", false)) {
    throw fields.unsupported(
      "use_bidirectional_attention",
      "only attention to what stands before is supported",
    );
  }
}

/** `layer_types` names each layer; without it every `sliding_window_pattern`-th has no window. */
function windowsOf(fields: ConfigFields, layers: number): (number | null)[] {
  const pattern = fields.count("sliding_window_pattern", 6);
  const types = fields.texts("layer_types") ??
    Array.from(
      { length: layers },
      (_, i) => (i + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
    );
  const isOpen = fields.mentions("sliding_window") && !fields.has("sliding_window");
  if (isOpen && types.includes("sliding_attention")) {
    throw fields.unsupported("sliding_window", "layers of type sliding_attention need it");
  }
  const window = isOpen ? null : fields.count("sliding_window", 4096);
  return Array.from({ length: layers }, (_, i) => types[i] === "sliding_attention" ? window : null);
}
