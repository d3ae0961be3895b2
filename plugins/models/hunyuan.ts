/**
 * Hunyuan, dense (0.5B to 7B): each head of q and k is normed behind its rotation, whose base a factor alpha widens.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention, llamaPart } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `hunyuan_v1_dense`; it has no options, config.json says everything. */
const hunyuan: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "hunyuan_v1_dense",
  version: "1",
  description: "Hunyuan, dense: 0.5B to 7B (norms of queries and keys behind their rotation)",
  options: Options,
  create: () => ({
    modelType: "hunyuan_v1_dense",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "hunyuan_v1_dense", file);
      if (fields.flag("use_cla", false)) {
        throw fields.unsupported("use_cla", "layers that share keys and values aren't supported");
      }
      const part = { ...llamaPart(fields), mlpBias: false, qkNorm: true };
      const decoder = commonConfig(fields, "hunyuan_v1_dense", part, {
        slidingWindow: fullAttention,
        keyValueHeadsOptional: true,
        rmsNormEps: 1e-5,
      });
      return { ...decoder, qkNormBehind: true };
    },
  }),
});

export default hunyuan;
