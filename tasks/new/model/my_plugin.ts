/**
 * Model family `my_plugin`: what a config.json with `model_type: my_plugin` means for the decoder that all families share.
 * Here: a Qwen2 under another name. A family with other keys builds the DecoderConfig field by field.
 */
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

export default definePlugin({
  kind: "model",
  name: "my_plugin",
  version: "1",
  description: "Qwen2 under the name my_plugin",
  options: z.strictObject({}),
  create(_options, { registry }) {
    // other plugins are made by name, as the YAML file would
    const qwen2 = registry.create("model", "qwen2");
    return {
      modelType: "my_plugin",
      parse: (config, file) => ({
        ...qwen2.parse({ ...config, model_type: "qwen2" }, file),
        modelType: "my_plugin",
      }),
    };
  },
});
