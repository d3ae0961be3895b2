/**
 * ERNIE 4.5, dense (0.3B): Llama that turns neighbouring elements of queries and keys together.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention } from "./common_config.ts";

const Options = z.strictObject({});

/** The plugin `ernie4_5`; it has no options, config.json says everything. */
const ernie45: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "ernie4_5",
  version: "1",
  description: "ERNIE 4.5, dense: 0.3B (neighbouring elements of heads are turned together)",
  options: Options,
  create: () => ({
    modelType: "ernie4_5",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "ernie4_5", file), bias = fields.flag("use_bias", false);
      const part = { qkvBias: bias, outputBias: bias, mlpBias: bias, qkNorm: false };
      const decoder = commonConfig(fields, "ernie4_5", part, {
        slidingWindow: fullAttention,
        headDim: 128,
        keyValueHeads: 2,
        rmsNormEps: 1e-5,
        isTied: true,
      });
      return { ...decoder, rotatesPairs: true };
    },
  }),
});

export default ernie45;
