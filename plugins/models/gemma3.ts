/**
 * Gemma 3, text (270m and 1b): four norms a layer, GeGLU, scaled embeddings, and windows with a rotation of their own.
 * @module
 */
import { z } from "zod";

import { thetaOfFamily } from "../../formats/hf_model/default_theta.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";
import { GELU_TANH, gemmaAttentionScale, gemmaCap, gemmaParts, refuseBidirectional } from "./gemma_config.ts";
import { windowsByType } from "./layer_windows.ts";
import { rotationsByLayer } from "./rope.ts";

const Options = z.strictObject({});

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
        slidingWindow: (layers) =>
          windowsByType(fields, layers, () => fields.count("sliding_window_pattern", 6)),
        rotation: (headDim) =>
          rotationsByLayer(fields, headDim, {
            full_attention: { theta: thetaOfFamily("gemma3_text") },
            sliding_attention: { theta: 1e4, field: "rope_local_base_freq" },
          }),
        activation: { field: "hidden_activation", names: GELU_TANH },
        headDim: 256,
        isTied: true,
      });
      const logitCap = gemmaCap(fields, "final_logit_softcapping", null);
      return {
        ...decoder,
        ...gemmaParts(decoder),
        normPlaces: "both",
        attentionScale: gemmaAttentionScale(fields),
        ...(logitCap !== null && { logitCap }),
      };
    },
  }),
});

export default gemma3;

/** A cap of scores, which no program reads alike, and attention to what stands behind. */
function refuseOthers(fields: ConfigFields): void {
  if (fields.has("attn_logit_softcapping")) {
    throw fields.unsupported(
      "attn_logit_softcapping",
      "transformers' class of Gemma 3 takes it and caps no scores by it, so that it isn't known which model is meant: " +
        "take it out for the one that transformers computes",
    );
  }
  refuseBidirectional(fields);
}
