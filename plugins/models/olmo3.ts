/**
 * OLMo 3: OLMo 2, three of four of whose layers have a window; these rotate without the scaling that stretches the context of the others.
 * @module
 */
import { z } from "zod";

import { thetaOfFamily } from "../../formats/hf_model/default_theta.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";
import { windowsByType } from "./layer_windows.ts";
import { OLMO_BLOCK, olmoPart } from "./olmo2.ts";
import { rotationsByLayer } from "./rope.ts";

const Options = z.strictObject({});

/** Of every so many layers the last one has no window. */
const PERIOD = 4;

/** The plugin `olmo3`; it has no options, config.json says everything. */
const olmo3: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "olmo3",
  version: "1",
  description: "OLMo 3 (OLMo 2 with windows)",
  options: Options,
  create: () => ({
    modelType: "olmo3",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "olmo3", file);
      refuseTwoReadings(fields);
      const theta = thetaOfFamily("olmo3");
      const decoder = commonConfig(fields, "olmo3", olmoPart(fields), {
        slidingWindow: (layers) => windowsByType(fields, layers, () => PERIOD),
        keyValueHeadsOptional: true,
        rmsNormEps: 1e-5,
        rotation: (headDim) =>
          rotationsByLayer(fields, headDim, { full_attention: { theta }, sliding_attention: { theta } }),
      });
      return { ...decoder, ...OLMO_BLOCK };
    },
  }),
});

export default olmo3;

/**
 * transformers 4.57 takes `rope_theta` for all layers, 5.17 for those without a window alone, where the others have 500000.
 * @throws {RangeError} If the two differ
 */
function refuseTwoReadings(fields: ConfigFields): void {
  const theta = thetaOfFamily("olmo3"), name = "rope_theta";
  const window = fields.object("rope_parameters")?.object("sliding_attention");
  if (window?.has(name) || fields.number(name, theta) === theta) return;
  throw fields.unsupported(
    name,
    `of layers with a window transformers 4 takes it, 5 takes ${theta}, so that it isn't known which model is meant: ` +
      "write rope_parameters with full_attention and sliding_attention",
  );
}
