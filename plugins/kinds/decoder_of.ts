/**
 * From an opened model to what the engine needs to know of it, by the family that its config.json names.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import { checkTensors } from "../../formats/hf_model/weights.ts";
import { unsupportedType } from "../../formats/unsupported_families.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { attributed } from "./plugin_fault.ts";
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
  const known = registry.names("model"), why = typeof type === "string" ? unsupportedType(type, known) : null;
  if (why !== null) throw new RangeError(`Cannot use ${configFile}: model_type is ${shown(type)}, ${why}`);
  const near = typeof type === "string" ? didYouMean(type.slice(0, 80), known) : "";
  throw new RangeError(
    `Cannot use ${configFile}: model_type is ${shown(type)}${near}; supported are ${known.join(", ")}`,
  );
}

/** Names and shapes of a model's weights, and its path for messages. */
type Weighed = Pick<LoadedModel, "weights" | "path">;

/**
 * A model's config.json as read by its family, one of the run's.
 * @throws {RangeError} If there is no family of its `model_type`, or the family can't read the configuration.
 * @param model Where it is open, its weights are looked at as {@linkcode checkOwnDecoder} does
 * @throws {Error} As {@linkcode checkOwnDecoder}
 */
export function decoderOf(registry: PluginRegistry, model: Described & Partial<Weighed>): DecoderConfig {
  const family = familyOf(registry, model);
  const decoder = registry.create("model", family).parse(model.config, model.configFile);
  const { weights, path } = model;
  if (weights && path !== undefined) checkOwnDecoder(registry, { weights, path }, { family, decoder });
  return decoder;
}

/**
 * Makes sure that a model has the tensors of the decoder that a family of one's own makes of it. Where it hasn't, the family is as likely
 * at fault as the files; of a built-in one these are, which whoever reads the weights says.
 * @throws {Error} If tensors lack, are left over or of another shape; names the family and its file
 */
export function checkOwnDecoder(
  registry: PluginRegistry,
  { weights, path }: Weighed,
  { family, decoder }: { family: string; decoder: DecoderConfig },
): void {
  const source = registry.sourceOf("model", family);
  // a model that is trained from scratch is opened without weights
  if (source === "built-in" || weights.names().length === 0) return;
  try {
    checkTensors(weights, tensorShapes(decoder), path);
  } catch (error) {
    const told = attributed(error, `model/${family} of ${source}`, true);
    told.message += "; which tensors are needed is what its parse() makes of config.json";
    throw told;
  }
}
