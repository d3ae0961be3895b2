/**
 * Key `rope_scaling`: a model's rotary positions stretched to `cutoff_len`, as LLaMA-Factory's `configure_rope` writes it into the
 * configuration. What is trained and what is saved are that model's.
 * @module
 */
import { shown } from "../../../formats/message.ts";
import { thetaOfFamily } from "../../../formats/hf_model/default_theta.ts";
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { ConfigFields } from "../../../plugins/models/config_fields.ts";

/** Keys that decide about positions. */
export type ScalingKeys =
  & Pick<TrainConfig, "finetuning_type">
  & Partial<Pick<TrainConfig, "cutoff_len" | "rope_scaling">>;

/** A configuration in which positions may be scaled, and what is to be said of it. */
export interface ScaledConfig {
  config: Record<string, unknown>;
  notes: string[];
}

/**
 * A model's config.json with positions scaled: by cutoff_len over the tokens that the model was trained on first, rounded up, and
 * `max_position_embeddings` as many times those; as it is where cutoff_len isn't above them, or without the key.
 * @throws {RangeError} If the model's positions have sections, or what is saved would be an adapter, which can't say it
 */
export function scaledConfig(
  given: Pick<LoadedModel, "config" | "configFile">,
  { rope_scaling: kind = null, cutoff_len, finetuning_type }: ScalingKeys,
): ScaledConfig {
  const { config, configFile } = given;
  if (kind === null || cutoff_len === undefined) return { config, notes: [] };
  if (config.vision_config !== undefined || config.text_config !== undefined) {
    throw new RangeError(
      `Cannot scale the positions of ${configFile} as those of a model that sees have sections: current value is rope_scaling: ${kind}; leave it out`,
    );
  }
  if (config.model_type === "gemma3_text" || config.model_type === "olmo3") {
    throw new RangeError(
      `Cannot scale the positions of ${configFile} as layers of a ${config.model_type} model have one of two rotations: current value is rope_scaling: ${kind}; leave it out`,
    );
  }
  if (config.model_type === "phi3") {
    throw new RangeError(
      `Cannot scale the positions of ${configFile} as transformers takes no scaling but longrope of a phi3 model: current value is rope_scaling: ${kind}; leave it out`,
    );
  }
  const fields = new ConfigFields(config, configFile), own = ropeOf(fields);
  const name = "original_max_position_embeddings";
  const original = own?.has(name) ? own.count(name) : fields.count("max_position_embeddings");
  if (cutoff_len <= original) {
    const note =
      `rope_scaling: ${kind} isn't used, as cutoff_len, ${cutoff_len}, isn't above the ${original} ` +
      "tokens that the model was made for, as in LLaMA-Factory";
    return { config, notes: [note] };
  }
  const factor = Math.ceil(cutoff_len / original), positions = original * factor;
  const scaling = {
    rope_type: kind,
    factor,
    ...(kind !== "linear" && { [name]: original }),
    ...(kind === "llama3" && { low_freq_factor: 1, high_freq_factor: 4 }),
  };
  if (finetuning_type === "lora") {
    const fitting = JSON.stringify({ max_position_embeddings: positions, rope_scaling: scaling });
    throw new RangeError(
      `Cannot scale positions with finetuning_type: ${finetuning_type} as an adapter can't say that its base is to be rotated otherwise, so ` +
        `whatever loads both would: current value is rope_scaling: ${kind}; write ${fitting} into config.json of a copy of the model, give ` +
        "that as model_name_or_path and leave rope_scaling out, or use finetuning_type: full",
    );
  }
  const theta = own?.has("rope_theta")
    ? own.positive("rope_theta")
    : fields.positive("rope_theta", thetaOfFamily(config.model_type));
  const { rope_parameters: _, ...rest } = config, part = "partial_rotary_factor";
  return {
    config: {
      ...rest,
      ...(own?.has(part) && { [part]: own.positive(part) }),
      rope_theta: theta,
      rope_scaling: scaling,
      max_position_embeddings: positions,
    },
    notes: [
      `rope_scaling: ${kind} by ${factor}: ${positions} positions in place of ${original}, in what is saved, too`,
      ...replacedNote(own),
      ...(kind === "dynamic"
        ? [`rope_scaling: dynamic changes nothing up to ${positions} tokens; yarn, linear and llama3 do`]
        : []),
    ],
  };
}

/** The model's own scaling; null without. */
function ropeOf(fields: ConfigFields): ConfigFields | null {
  const found = [fields.object("rope_scaling"), fields.object("rope_parameters")];
  return found.find((rope) => rope !== null && !rope.isEmpty) ?? null;
}

function replacedNote(own: ConfigFields | null): string[] {
  const kind = own?.text("rope_type", own.text("type", "default")) ?? "default";
  return kind === "default"
    ? []
    : [`rope_scaling takes the place of the model's own (${shown(kind)}), as in LLaMA-Factory`];
}
