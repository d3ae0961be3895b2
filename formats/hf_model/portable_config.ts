/**
 * config.json that transformers 4 and 5 read alike. Version 5 renamed fields: `torch_dtype` became `dtype`, and `rope_theta`
 * and `rope_scaling` became `rope_parameters`; each version reads only some of the other's names.
 * @module
 */
import { MODEL_CLASSES } from "../gguf/mod.ts";
import { thetaOfFamily } from "./default_theta.ts";
import { toSortedJson } from "./json.ts";
import { isTied } from "./text_part.ts";

/**
 * Rotary fields and number type of a config in both spellings, the class of the model, which vLLM and llama.cpp's converter ask for, and
 * no `auto_map`, which names files with code that aren't written; other fields as they are.
 */
function portableConfig(
  config: Readonly<Record<string, unknown>>,
  dtype: "float32" | "float16" | "bfloat16",
): Record<string, unknown> {
  const { auto_map: _, ...rest } = config, { architectures, model_type } = config;
  const { text_config: text } = config, inner = record(text);
  const name = typeof model_type === "string" && Object.hasOwn(MODEL_CLASSES, model_type)
    ? MODEL_CLASSES[model_type]
    : undefined;
  return {
    ...rest,
    ...((architectures ?? null) === null && name !== undefined && { architectures: [name] }),
    ...(inner === null ? (ROPE_FIELDS[String(model_type)] ?? ropeFields)(config) : {
      text_config: {
        ...inner,
        ...ropeFields(inner, model_type),
        // version 4 ties by the language part's field, 5 by the model's
        tie_word_embeddings: isTied(config),
        dtype,
        torch_dtype: dtype,
      },
    }),
    dtype,
    torch_dtype: dtype,
  };
}

/** Families whose rotary fields have a spelling of their own. */
const ROPE_FIELDS: Readonly<Record<string, (config: Record<string, unknown>) => Record<string, unknown>>> = {
  gemma3_text: ropeFieldsByLayer,
  olmo3: ropeFieldsOfOlmo3,
  glm4: ropeFieldsOfGlm4,
  phi3: ropeFieldsOfPhi3,
};

/** Fields that are to be floats: whole numbers in rotary ones transformers 4 warns of, in Gemma 2's caps 5 refuses them. */
const FLOATS =
  /^( *"(?:rope_theta|rope_local_base_freq|factor|(?:low|high)_freq_factor|attention_factor|(?:attn|final)_logit_softcapping)": -?\d+)(?=,?$)/gm;

/** Text of config.json: {@linkcode portableConfig}, with `4.0` where Python asks for a float. */
export function portableConfigText(
  config: Readonly<Record<string, unknown>>,
  dtype: "float32" | "float16" | "bfloat16",
  more: Readonly<Record<string, unknown>> = {},
): string {
  return toSortedJson({ ...portableConfig(config, dtype), ...more }).replace(FLOATS, "$1.0");
}

/** @param family `model_type` of the model, which has the default of θ */
function ropeFields(
  config: Readonly<Record<string, unknown>>,
  family = config.model_type,
): Record<string, unknown> {
  const five = record(config.rope_parameters), four = record(config.rope_scaling);
  if (five === null && four === null && config.rope_theta === undefined) return {};
  // one set of parameters for each type of layer has a spelling in version 4 for Gemma 3 only
  if (five?.full_attention !== undefined || five?.sliding_attention !== undefined) return {};
  const { rope_theta: inner, rope_type, type, ...rest } = five ?? four ?? {};
  const theta = inner ?? config.rope_theta ?? thetaOfFamily(family), kind = rope_type ?? type ?? "default";
  if (rest.mrope_section !== undefined) {
    return {
      rope_theta: theta,
      rope_parameters: { rope_theta: theta, rope_type: kind === "mrope" ? "default" : kind, ...rest },
      // version 4 asks for the sections there; its first classes, and vLLM of their time, know the rotation by this type
      rope_scaling: rest.mrope_interleaved === true || kind !== "default" && kind !== "mrope"
        ? { rope_type: kind, ...rest }
        : { type: "mrope", ...rest },
    };
  }
  return {
    rope_theta: theta,
    rope_parameters: { rope_theta: theta, rope_type: kind, ...rest },
    // version 5 takes rope_scaling before rope_parameters, and then the theta beside it
    rope_scaling: kind === "default" ? null : { rope_type: kind, ...rest },
  };
}

/**
 * Phi-3's: version 4 takes three fields in `rope_scaling`, and the share of each head that is rotated and the first length beside it, where llama.cpp's
 * converter looks for them, too. The length beside wins over one inside, also where that is transformers' default.
 */
function ropeFieldsOfPhi3(config: Record<string, unknown>): Record<string, unknown> {
  const { rope_scaling, ...fields } = ropeFields(config);
  const { partial_rotary_factor } = record(fields.rope_parameters) ?? {};
  const part = partial_rotary_factor ?? config.partial_rotary_factor, scaling = record(rope_scaling);
  const beside = ["rope_type", "partial_rotary_factor", "original_max_position_embeddings"];
  const inside = Object.entries(scaling ?? {}).filter(([name]) => !beside.includes(name));
  return {
    ...fields,
    ...(part !== undefined && { partial_rotary_factor: part }),
    original_max_position_embeddings: config.original_max_position_embeddings ?? 4096,
    rope_scaling: scaling === null ? null : { type: "longrope", ...Object.fromEntries(inside) },
  };
}

/** GLM-4's: version 4 takes the share of each head that is rotated beside the others, 5 in `rope_parameters`. */
function ropeFieldsOfGlm4(config: Record<string, unknown>): Record<string, unknown> {
  const fields = ropeFields(config), rope = record(fields.rope_parameters);
  const part = rope?.partial_rotary_factor ?? config.partial_rotary_factor ?? 0.5;
  return {
    ...fields,
    ...(rope !== null && { rope_parameters: { ...rope, partial_rotary_factor: part } }),
    partial_rotary_factor: part,
  };
}

/** Gemma 3's, whose layers with a window have a rotation of their own; θ of transformers' class where config.json has none. */
function ropeFieldsByLayer(config: Record<string, unknown>): Record<string, unknown> {
  const five = record(config.rope_parameters);
  const { rope_theta: inner, rope_type, type, ...rest } = record(five?.full_attention) ??
    record(config.rope_scaling) ?? {};
  const theta = inner ?? config.rope_theta ?? thetaOfFamily("gemma3_text"),
    kind = rope_type ?? type ?? "default";
  const window = record(five?.sliding_attention) ?? { rope_type: "default" };
  const local = window.rope_theta ?? config.rope_local_base_freq ?? 1e4;
  return {
    rope_theta: theta,
    rope_local_base_freq: local,
    rope_scaling: kind === "default" ? null : { rope_type: kind, ...rest },
    rope_parameters: {
      full_attention: { ...rest, rope_type: kind, rope_theta: theta },
      sliding_attention: { ...window, rope_theta: local },
    },
  };
}

/** OLMo 3's: version 4 has one θ for all layers, and scales those without a window. */
function ropeFieldsOfOlmo3(config: Record<string, unknown>): Record<string, unknown> {
  const five = record(config.rope_parameters), window = record(five?.sliding_attention);
  const { rope_theta: inner, rope_type, type, ...rest } = record(five?.full_attention) ??
    record(config.rope_scaling) ?? {};
  const usual = thetaOfFamily("olmo3"), theta = inner ?? config.rope_theta ?? usual;
  const kind = rope_type ?? type ?? "default";
  const local = { rope_type: "default", ...window, rope_theta: window?.rope_theta ?? usual };
  const hasFour = local.rope_type === "default" && local.rope_theta === theta;
  return {
    ...(hasFour && {
      rope_theta: theta,
      rope_scaling: kind === "default" ? null : { rope_type: kind, ...rest },
    }),
    rope_parameters: {
      full_attention: { ...rest, rope_type: kind, rope_theta: theta },
      sliding_attention: local,
    },
  };
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0
    ? value as Record<string, unknown>
    : null;
}
