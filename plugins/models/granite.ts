/**
 * Granite 3, dense: Llama with multipliers on embeddings, attention's scores, what a sub-layer adds, and logits.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention, llamaPart } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `granite`; it has no options, config.json says everything. */
const granite: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "granite",
  version: "1",
  description: "Granite 3, dense (multipliers on embeddings, scores, sub-layers and logits)",
  options: Options,
  create: () => ({
    modelType: "granite",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "granite", file);
      const decoder = commonConfig(fields, "granite", llamaPart(fields), {
        slidingWindow: fullAttention,
        keyValueHeadsOptional: true,
      });
      // 1 where a field is missing, as in transformers' class: of scores, too, not 1 / √head_dim
      return {
        ...decoder,
        embeddingScale: fields.positive("embedding_multiplier", 1),
        attentionScale: fields.positive("attention_multiplier", 1),
        residualScale: fields.positive("residual_multiplier", 1),
        logitScale: 1 / fields.positive("logits_scaling", 1),
      };
    },
  }),
});

export default granite;
