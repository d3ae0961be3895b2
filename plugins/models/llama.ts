/**
 * Llama 1 to 3, and models of the same shape under that name (SmolLM2, TinyLlama, Yi).
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention, llamaPart } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `llama`; it has no options, config.json says everything. */
const llama: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "llama",
  version: "1",
  description: "Llama 1 to 3, SmolLM2 and models of their shape",
  options: Options,
  create: () => ({
    modelType: "llama",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "llama", file);
      return commonConfig(fields, "llama", llamaPart(fields), {
        slidingWindow: fullAttention,
        keyValueHeadsOptional: true,
      });
    },
  }),
});

export default llama;
