/**
 * Mistral 7B and models of its shape: Llama with a sliding window on all layers.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `mistral`; it has no options, config.json says everything. */
const mistral: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "mistral",
  version: "1",
  description: "Mistral 7B and models of its shape (sliding window)",
  options: Options,
  create: () => ({
    modelType: "mistral",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "mistral", file);
      // transformers takes 4096 where the field is left out; null means no window.
      const hasWindow = fields.has("sliding_window") || !fields.mentions("sliding_window");
      const window = hasWindow ? fields.count("sliding_window", 4096) : null;
      const part = { qkvBias: false, outputBias: false, mlpBias: false, qkNorm: false };
      return commonConfig(fields, "mistral", part, {
        slidingWindow: (layers) => new Array(layers).fill(window),
      });
    },
  }),
});

export default mistral;
