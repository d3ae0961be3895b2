/**
 * The language part of Qwen2-VL and Qwen2.5-VL: Qwen2, rotated by three position axes, which are equal for text.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, qwenWindows } from "./common_config.ts";
import { languageDecoder, languageFields } from "./vision_language.ts";

const Options = z.strictObject({});

/** Defaults of transformers' Qwen2VLTextConfig and Qwen2_5_VLTextConfig. */
const DEFAULTS = { rms_norm_eps: 1e-5, max_window_layers: 80 };

function family(name: string, description: string): Plugin<"model", typeof Options> {
  return definePlugin({
    kind: "model",
    name,
    version: "1",
    description,
    options: Options,
    create: () => ({
      modelType: name,
      parse(config, file = "config.json") {
        const fields = languageFields(config, name, file, DEFAULTS);
        const part = { qkvBias: true, outputBias: false, mlpBias: false, qkNorm: false };
        return languageDecoder(
          commonConfig(fields, name, part, { slidingWindow: (layers) => qwenWindows(fields, layers) }),
          fields,
        );
      },
    }),
  });
}

/** The plugin `qwen2_vl`; it has no options, config.json says everything. */
export const qwen2Vl: Plugin<"model", typeof Options> = family("qwen2_vl", "Qwen2-VL on text alone");

/** The plugin `qwen2_5_vl`; it has no options, config.json says everything. */
export const qwen25Vl: Plugin<"model", typeof Options> = family("qwen2_5_vl", "Qwen2.5-VL on text alone");
