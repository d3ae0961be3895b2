/**
 * SmolLM3: Llama, some of whose layers don't rotate queries and keys (NoPE).
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { commonConfig, fieldsOf, llamaPart } from "./common_config.ts";
import type { ConfigFields } from "./config_fields.ts";

const Options = z.strictObject({});

/** The plugin `smollm3`; it has no options, config.json says everything. */
const smollm3: Plugin<"model", typeof Options> = definePlugin({
  kind: "model",
  name: "smollm3",
  version: "1",
  description: "SmolLM3 (some layers without positions)",
  options: Options,
  create: () => ({
    modelType: "smollm3",
    parse(config, file = "config.json") {
      const fields = fieldsOf(config, "smollm3", file);
      const decoder = commonConfig(fields, "smollm3", llamaPart(fields), {
        slidingWindow: (layers) => windowsOf(fields, rotatedLayers(fields, layers)),
        keyValueHeads: 4,
        isTied: true,
      });
      return { ...decoder, rotatedLayers: rotatedLayers(fields, decoder.numLayers) };
    },
  }),
});

export default smollm3;

/** `no_rope_layers` has a 0 for each layer that doesn't rotate; without it that is every `no_rope_layer_interval`-th. */
function rotatedLayers(fields: ConfigFields, layers: number): boolean[] {
  const interval = fields.count("no_rope_layer_interval", 4), name = "no_rope_layers";
  if (!fields.has(name)) return Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
  const marks = fields.numbers(name);
  if (marks.length < layers) throw fields.unsupported(name, `there are ${layers} layers`);
  return marks.slice(0, layers).map((mark) => mark !== 0);
}

/** With `use_sliding_window` the window is that of layers that `layer_types` says; without it, of those that don't rotate. */
function windowsOf(fields: ConfigFields, rotated: readonly boolean[]): (number | null)[] {
  const isUsed = fields.flag("use_sliding_window", false) && fields.has("sliding_window");
  const window = isUsed ? fields.count("sliding_window") : null, types = fields.texts("layer_types");
  return rotated.map((rotates, layer) => {
    const slides = types === null ? !rotates : types[layer] === "sliding_attention";
    return slides ? window : null;
  });
}
