/**
 * OLMo 2: a block norms what attention and MLP give, not their inputs, and all of q and of k before the heads are parted.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, type FamilyPart, fieldsOf, fullAttention } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";

const Options = z.strictObject({});

/** The plugin `olmo2`; it has no options, config.json says everything. */
const olmo2: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "olmo2",
  version: "1",
  description: "OLMo 2 (norms behind sub-layers, and on all of q and k)",
  options: Options,
  create: () => ({
    modelType: "olmo2",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "olmo2", file);
      const decoder = commonConfig(fields, "olmo2", olmoPart(fields), {
        slidingWindow: fullAttention,
        keyValueHeadsOptional: true,
        rmsNormEps: 1e-5,
      });
      return { ...decoder, ...OLMO_BLOCK };
    },
  }),
});

export default olmo2;

/** Where a block of OLMo 2 and 3 is normed. */
export const OLMO_BLOCK = { qkNormWhole: true, normPlaces: "after" } as const;

/** Biases and norms of OLMo 2 and 3. */
export function olmoPart(fields: ConfigFields): FamilyPart {
  const attentionBias = fields.flag("attention_bias", false);
  return { qkvBias: attentionBias, outputBias: attentionBias, mlpBias: false, qkNorm: true };
}
