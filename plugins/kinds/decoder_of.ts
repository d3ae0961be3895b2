/**
 * From an opened model to what the engine needs to know of it, by the family that its config.json names.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { LoadedModel } from "../../formats/hf_model/loaded_model.ts";
import { checkTensors } from "../../formats/hf_model/weights.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { attributed } from "./plugin_fault.ts";
import type { PluginRegistry } from "./plugin.ts";

/** Models that aren't supported beside those of their makers that are, and why. */
const RELATIVES: Readonly<Record<string, string>> = {
  gemma3:
    "a Gemma 3 that sees, too (4b and larger); supported are its models of text alone, gemma3_text (270m and 1b)",
  gemma2:
    "a Gemma 2, whose scores and logits are capped (attn_logit_softcapping, final_logit_softcapping), which isn't computed here; " +
    "of Google's models gemma3_text (270m and 1b) is supported",
  phi:
    "a model before Phi-3, whose blocks add attention and MLP at once; of Microsoft's models phi3 is supported",
  phimoe: "a mixture of experts; of Microsoft's models phi3 is supported",
  phi3small: "a Phi-3-small, whose attention is sparse by blocks; of Microsoft's models phi3 is supported",
  phi3_v: "a Phi-3 that sees; of Microsoft's models phi3, of text alone, is supported",
  phi4mm: "a Phi-4 that sees and hears; of Microsoft's models phi3, of text alone, is supported",
  phi4_multimodal: "a Phi-4 that sees and hears; of Microsoft's models phi3, of text alone, is supported",
};

/** Name of a model's family. */
type Described = Pick<LoadedModel, "config" | "configFile">;

/**
 * The name of a model's family: `model_type` of its config.json.
 * @throws {RangeError} If there is no family of that name; names file, field and the nearest name.
 */
export function familyOf(registry: PluginRegistry, { config, configFile }: Described): string {
  const { model_type: type } = config;
  if (typeof type === "string" && registry.has("model", type)) return type;
  if (typeof type === "string" && Object.hasOwn(RELATIVES, type)) {
    throw new RangeError(`Cannot use ${configFile}: model_type is ${shown(type)}, ${RELATIVES[type]}`);
  }
  const known = registry.names("model");
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
