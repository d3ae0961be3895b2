/**
 * GLM-4 of 0414 (9B, 32B) and GLM-Z1: norms before and behind halves, gate and up in one matrix, half of each head turned by neighbouring pairs.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, fullAttention } from "./common_config.ts";
import { partialRotationOf } from "./rope.ts";

const Options = z.strictObject({});

/** The plugin `glm4`; it has no options, config.json says everything. */
const glm4: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "glm4",
  version: "1",
  description: "GLM-4 of 0414 and GLM-Z1 (neighbouring elements of half of each head are turned together)",
  options: Options,
  create: () => ({
    modelType: "glm4",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "glm4", file);
      const qkvBias = fields.flag("attention_bias", true);
      const part = { qkvBias, outputBias: false, mlpBias: false, qkNorm: false };
      const decoder = commonConfig(fields, "glm4", part, {
        slidingWindow: fullAttention,
        headDim: 128,
        keyValueHeads: 2,
        rmsNormEps: 1.5625e-7,
        rotation: (headDim) => partialRotationOf(fields, headDim, "glm4", 0.5),
      });
      return { ...decoder, rotatesPairs: true, normPlaces: "both_glm4", fusedProjections: "mlp" };
    },
  }),
});

export default glm4;
