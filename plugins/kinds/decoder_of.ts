/**
 * From an opened model to what the engine needs to know of it, by the family that its config.json names.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder_config.ts";
import type { PluginRegistry } from "./plugin.ts";

/** Name of a model's family. */
type Described = Pick<LoadedModel, "config" | "configFile">;

/**
 * The name of a model's family: `model_type` of its config.json.
 * @throws {RangeError} If there is no family of that name; names file, field and the nearest name.
 */
export function familyOf(registry: PluginRegistry, { config, configFile }: Described): string {
  const { model_type: type } = config;
  if (typeof type === "string" && registry.has("model", type)) return type;
  const known = registry.names("model");
  const near = typeof type === "string" ? didYouMean(type.slice(0, 80), known) : "";
  throw new RangeError(
    `Cannot use ${configFile}: model_type is ${shown(type)}${near}; supported are ${known.join(", ")}`,
  );
}

/**
 * A model's config.json as read by its family, one of the run's.
 * @throws {RangeError} If there is no family of its `model_type`, or the family can't read the configuration.
 */
export function decoderOf(registry: PluginRegistry, model: Described): DecoderConfig {
  return registry.create("model", familyOf(registry, model)).parse(model.config, model.configFile);
}
