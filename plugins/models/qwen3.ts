/**
 * Qwen3, dense: no biases, RMSNorm on q and k of each head, heads of 128.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, qwenWindows } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `qwen3`; it has no options, config.json says everything. */
const qwen3: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "qwen3",
  version: "1",
  description: "Qwen3, dense (norms on q and k)",
  options: Options,
  create: () => ({
    modelType: "qwen3",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "qwen3", file);
      const attentionBias = fields.flag("attention_bias", false);
      const part = { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: true };
      return commonConfig(fields, "qwen3", part, {
        slidingWindow: (layers) => qwenWindows(fields, layers),
        headDim: 128,
      });
    },
  }),
});

export default qwen3;
