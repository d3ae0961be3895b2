/**
 * Qwen2 and Qwen2.5: Llama with biases on q, k and v.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, qwenWindows } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `qwen2`; it has no options, config.json says everything. */
const qwen2: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "qwen2",
  version: "1",
  description: "Qwen2 and Qwen2.5 (biases on q, k and v)",
  options: Options,
  create: () => ({
    modelType: "qwen2",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "qwen2", file);
      const part = { qkvBias: true, outputBias: false, mlpBias: false, qkNorm: false };
      return commonConfig(fields, "qwen2", part, { slidingWindow: (layers) => qwenWindows(fields, layers) });
    },
  }),
});

export default qwen2;
