/**
 * EXAONE 4: a block norms what attention and MLP give, and each head of q and k; where layers have a window, those without one don't rotate.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import { hasNoWindow, windowsByType } from "./layer_windows.ts";

const Options = z.strictObject({});

/** The plugin `exaone4`; it has no options, config.json says everything. */
const exaone4: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "exaone4",
  version: "1",
  description: "EXAONE 4 (norms behind sub-layers; windows around layers without positions)",
  options: Options,
  create: () => ({
    modelType: "exaone4",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "exaone4", file), isOpen = hasNoWindow(fields);
      const part = { qkvBias: false, outputBias: false, mlpBias: false, qkNorm: true };
      const decoder = commonConfig(fields, "exaone4", part, {
        // the pattern may be a text, such as LLLG; transformers' class takes layer_types then
        slidingWindow: (layers) =>
          windowsByType(fields, layers, () => isOpen ? 1 : fields.count("sliding_window_pattern", 4)),
        keyValueHeads: 32,
        rmsNormEps: 1e-5,
      });
      return {
        ...decoder,
        normPlaces: "after",
        // a model with a window anywhere rotates its layers alone
        ...(!isOpen && { rotatedLayers: decoder.slidingWindow.map((window) => window !== null) }),
      };
    },
  }),
});

export default exaone4;
