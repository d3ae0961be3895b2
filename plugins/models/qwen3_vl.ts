/**
 * The language part of Qwen3-VL, dense: Qwen3, rotated by three position axes, which are equal for text; features of an image that later
 * layers add (DeepStack) aren't there without one.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fullAttention } from "./common_config.ts";
import { languageDecoder, languageFields } from "./vision_language.ts";

const Options = z.strictObject({});

/** The plugin `qwen3_vl`; it has no options, config.json says everything. */
const qwen3Vl: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "qwen3_vl",
  version: "1",
  description: "Qwen3-VL, dense, on text alone",
  options: Options,
  create: () => ({
    modelType: "qwen3_vl",
    parse(config, file = "config.json") {
      const fields = languageFields(config, "qwen3_vl", file, {});
      const attentionBias = fields.flag("attention_bias", false);
      const part = { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: true };
      return languageDecoder(
        commonConfig(fields, "qwen3_vl", part, { slidingWindow: fullAttention, headDim: 128 }),
        fields,
      );
    },
  }),
});

export default qwen3Vl;
