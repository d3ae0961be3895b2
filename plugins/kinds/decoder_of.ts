/**
 * From an opened model to what the engine needs to know of it, by the family that its config.json names.
 * @module
 */
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import type { PluginRegistry } from "./plugin.ts";

/**
 * The name of a model's family: `model_type` of its config.json.
 * @throws {RangeError} If it has none.
 */
export function familyOf({ config, nameOrPath }: Pick<LoadedModel, "config" | "nameOrPath">): string {
  const { model_type: type } = config;
  if (typeof type === "string") return type;
  throw new RangeError(
    `Cannot open ${nameOrPath} as a model: its config.json needs model_type: current value is ${
      JSON.stringify(type)
    }`,
  );
}

/**
 * What a model's family, one of the run's, makes of its config.json.
 * @throws {RangeError} If there is no family of its `model_type`, or the family can't read the configuration.
 */
export function decoderOf(
  registry: PluginRegistry,
  model: Pick<LoadedModel, "config" | "nameOrPath">,
): DecoderConfig {
  return registry.create("model", familyOf(model)).parse(model.config);
}
