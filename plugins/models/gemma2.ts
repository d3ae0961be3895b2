/**
 * Gemma 2: scores and logits that are capped, four norms a layer, GeGLU, scaled embeddings, and a window on every other layer.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import { GELU_TANH, gemmaAttentionScale, gemmaCap, gemmaParts, refuseBidirectional } from "./gemma_config.ts";
import { windowsByType } from "./layer_windows.ts";

const Options = z.strictObject({});

/** Of every so many layers the last one has no window. */
const PERIOD = 2;

/** The plugin `gemma2`; it has no options, config.json says everything. */
const gemma2: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "gemma2",
  version: "1",
  description: "Gemma 2 (capped scores and logits)",
  options: Options,
  create: () => ({
    modelType: "gemma2",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "gemma2", file);
      refuseBidirectional(fields);
      const attentionBias = fields.flag("attention_bias", false);
      const part = { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: false };
      const decoder = commonConfig(fields, "gemma2", part, {
        slidingWindow: (layers) => windowsByType(fields, layers, () => PERIOD),
        activation: { field: "hidden_activation", names: GELU_TANH },
        headDim: 256,
        keyValueHeads: 4,
        isTied: true,
      });
      const scoreCap = gemmaCap(fields, "attn_logit_softcapping", 50);
      const logitCap = gemmaCap(fields, "final_logit_softcapping", 30);
      return {
        ...decoder,
        ...gemmaParts(decoder),
        normPlaces: "both",
        attentionScale: gemmaAttentionScale(fields),
        ...(scoreCap !== null && { scoreCap }),
        ...(logitCap !== null && { logitCap }),
      };
    },
  }),
});

export default gemma2;
