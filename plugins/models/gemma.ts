/**
 * Gemma, first generation: Llama with GeGLU, scaled embeddings, norms kept less 1 and heads of a width of their own.
 * @module
 */
import { z } from "zod";

import { shown } from "../../formats/message.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";
import { GELU_TANH, gemmaParts, refuseBidirectional } from "./gemma_config.ts";

const Options = z.strictObject({});

/** The plugin `gemma`; it has no options, config.json says everything. */
const gemma: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "gemma",
  version: "1",
  description: "Gemma, first generation",
  options: Options,
  create: () => ({
    modelType: "gemma",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "gemma", file);
      refuseBidirectional(fields);
      checkActivation(fields);
      const attentionBias = fields.flag("attention_bias", false);
      const part = { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: false };
      const decoder = commonConfig(fields, "gemma", part, {
        slidingWindow: fullAttention,
        activation: { field: "hidden_act", names: GELU_TANH },
        headDim: 256,
        keyValueHeads: 16,
        isTied: true,
      });
      return { ...decoder, ...gemmaParts(decoder) };
    },
  }),
});

export default gemma;

/**
 * Early files say gelu, which their weights weren't trained with: transformers took the tanh approximation for it until it read `hidden_act` again,
 * which is then GELU itself; `hidden_activation`, which only versions between read, has to agree.
 */
function checkActivation(fields: ConfigFields): void {
  const [name] = GELU_TANH;
  if (fields.text("hidden_act", name) === "gelu") {
    throw fields.unsupported(
      "hidden_act",
      `programs differ in what that is in a Gemma, whose weights were trained with GELU's tanh approximation: set it to ${
        shown(name)
      }`,
    );
  }
  if (fields.has("hidden_activation") && !GELU_TANH.includes(fields.text("hidden_activation", name))) {
    throw fields.unsupported("hidden_activation", `only ${name} is supported`);
  }
}
