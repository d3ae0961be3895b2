/**
 * Phi-3, Phi-3.5 and Phi-4: q, k and v are one matrix, gate and up another; Phi-4-mini rotates a part of each head.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";
import { partialRotationOf } from "./rope.ts";

const Options = z.strictObject({});

/** The plugin `phi3`; it has no options, config.json says everything. */
const phi3: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "phi3",
  version: "1",
  description:
    "Phi-3, Phi-3.5 and Phi-4 with model_type phi3 (q, k and v in one matrix, gate and up in another)",
  options: Options,
  create: () => ({
    modelType: "phi3",
    parse(config, file = "config.json") {
      const fields = fieldsOf(standard(config), "phi3", file);
      refuseOthers(fields);
      const part = { qkvBias: false, outputBias: false, mlpBias: false, qkNorm: false };
      const window = fields.has("sliding_window") ? fields.count("sliding_window") : null;
      const decoder = commonConfig(fields, "phi3", part, {
        slidingWindow: (layers) => new Array(layers).fill(window),
        keyValueHeadsOptional: true,
        rmsNormEps: 1e-5,
        rotation: (headDim) => partialRotationOf(fields, headDim, "phi3"),
      });
      return { ...decoder, fusedProjections: true };
    },
  }),
});

export default phi3;

/** transformers' class takes "su" and "yarn" of early files for longrope, and 4096 where the first length isn't said. */
function standard(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const scaled = ["rope_parameters", "rope_scaling"].flatMap((name) => {
    const rope = config[name];
    if (typeof rope !== "object" || rope === null || Array.isArray(rope)) return [];
    const named = Object.entries(rope).map(([key, value]) =>
      (key === "type" || key === "rope_type") && (value === "su" || value === "yarn")
        ? [key, "longrope"]
        : [key, value]
    );
    return [[name, Object.fromEntries(named)]];
  });
  const { original_max_position_embeddings: original } = config;
  return { ...config, original_max_position_embeddings: original ?? 4096, ...Object.fromEntries(scaled) };
}

/** What transformers' class refuses, or computes and this doesn't. */
function refuseOthers(fields: ConfigFields): void {
  for (const name of ["resid_pdrop", "embd_pdrop"]) {
    if (fields.number(name, 0) !== 0) {
      throw fields.unsupported(name, "only 0 is supported: set it in config.json");
    }
  }
  for (const rope of ["rope_parameters", "rope_scaling"].map((name) => fields.object(name))) {
    const names = ["rope_type", "type"].filter((name) => rope?.has(name));
    for (const name of names) {
      if (!["default", "longrope"].includes(rope?.text(name, "default") ?? "default")) {
        throw rope?.unsupported(name, "a phi3 model has default or longrope");
      }
    }
  }
}
