/**
 * Rotary frequencies of a model's configuration, in the spelling of transformers 4 (`rope_theta`, `rope_scaling`) and 5
 * (`rope_parameters`).
 * @module
 */
import type { DecoderConfig, Rotation } from "../../kernels/engine/decoder/decoder_config.ts";
import { thetaOfFamily } from "../../formats/hf_model/default_theta.ts";
import { ConfigFields } from "./config_fields.ts";
import { yarn } from "./yarn.ts";

/** A rotation, and how far it holds. */
type LimitedRotation = Rotation & Pick<DecoderConfig, "rotaryLimit">;

/**
 * Inverse frequencies `[headDim / 2]`, radians per position, scaling applied: `θ^(−2i/headDim)`, divided by the factor
 * for `linear`; for `llama3` divided by the factor where fewer than `low_freq_factor` turns fit into the original
 * context, as they are above `high_freq_factor` turns, blended linearly between (Llama 3.1, transformers'
 * modeling_rope_utils.py); {@linkcode yarn}'s with its attention factor; those of `dynamic` as they are up to `max_position_embeddings`, behind which
 * they change with each text's length; those of `longrope` divided by `short_factor`, up to the length that the model was trained on first, as
 * texts behind it have others, divided by `long_factor`.
 * @throws {RangeError} If the kind of scaling isn't supported (named), a field of it is missing, or two spellings of one
 * setting disagree.
 */
export function rotationOf(config: ConfigFields, headDim: number, modelType: string): LimitedRotation {
  const five = spelled(config, "rope_parameters"), four = spelled(config, "rope_scaling");
  return agreed(config, { five, four }, {
    headDim,
    defaultTheta: thetaOfFamily(modelType),
    hasAlpha: modelType === HUNYUAN,
  });
}

/** The family whose `dynamic` scaling may have an alpha. */
const HUNYUAN = "hunyuan_v1_dense";

/**
 * θ of Hunyuan's `dynamic` scaling with an `alpha`, which is the base at every length up to max_position_embeddings (transformers 5.17,
 * HunYuanDenseV1RotaryEmbedding).
 * @param headDim Elements of a head, above 2
 */
export function widenedTheta(theta: number, alpha: number, headDim: number): number {
  return theta * alpha ** (headDim / (headDim - 2));
}

/**
 * The same of a family that may rotate the first `partial_rotary_factor` of each head alone (Phi-4-mini): as many frequencies as a half of that.
 * @param otherwise The share where config.json has none, default 1
 * @throws {RangeError} As {@linkcode rotationOf}
 */
export function partialRotationOf(
  config: ConfigFields,
  headDim: number,
  modelType: string,
  otherwise = 1,
): LimitedRotation {
  const five = spelled(config, "rope_parameters"), four = spelled(config, "rope_scaling");
  const name = "partial_rotary_factor", rope = four ?? five;
  const owner = rope?.has(name) ? rope : config, part = owner.positive(name, otherwise);
  const width = Math.floor(headDim * part);
  if (width > headDim || width < 2 || width % 2 !== 0) {
    throw owner.unsupported(name, `of heads of ${headDim} it is to be an even number of elements, 2 to all`);
  }
  return agreed(config, { five, four }, {
    headDim: width,
    part,
    defaultTheta: thetaOfFamily(modelType),
  });
}

/**
 * The rotations of a model whose layers with a window have one of their own: `rope_parameters` of transformers 5 has `full_attention` and
 * `sliding_attention`, 4 has `rope_theta` with `rope_scaling`, and a field of the family for layers with a window.
 * @param bases θ where config.json has none, and the field that has it in the spelling of version 4 (default `rope_theta`)
 * @throws {RangeError} As {@linkcode rotationOf}
 */
export function rotationsByLayer(
  config: ConfigFields,
  headDim: number,
  bases: Readonly<Record<"full_attention" | "sliding_attention", { theta: number; field?: string }>>,
): LimitedRotation & Required<Pick<DecoderConfig, "windowRotation">> {
  const name = "rope_parameters", five = config.object(name);
  const all = five?.object("full_attention") ?? null, window = five?.object("sliding_attention") ?? null;
  if (five !== null && !five.isEmpty && all === null && window === null) {
    throw config.unsupported(name, "it is to have full_attention and sliding_attention");
  }
  const four = spelled(config, "rope_scaling");
  const rotation = agreed(config, { five: all, four }, { headDim, defaultTheta: bases.full_attention.theta });
  const { rotaryLimit, ...windowRotation } = readRotation(window ?? new ConfigFields({}, ""), config, {
    headDim,
    defaultTheta: bases.sliding_attention.theta,
    thetaName: bases.sliding_attention.field,
  });
  if (rotaryLimit !== undefined) {
    throw config.unsupported(name, "a dynamic scaling of sliding_attention isn't supported");
  }
  return { ...rotation, windowRotation };
}

/** What transformers 5's parameters or 4's scaling give, where there are both the same. */
function agreed(
  config: ConfigFields,
  { five, four }: Readonly<Record<"five" | "four", ConfigFields | null>>,
  shape: RotationShape,
): LimitedRotation {
  const rotation = readRotation(five ?? four ?? new ConfigFields({}, ""), config, shape);
  if (five === null || four === null) return rotation;
  // transformers 5 takes rope_scaling whole: rope_theta of rope_parameters is lost too
  const other = readRotation(four, config, shape);
  const isSame =
    rotation.inverseFrequencies.every((frequency, i) => frequency === other.inverseFrequencies[i]) &&
    rotation.attentionFactor === other.attentionFactor && rotation.rotaryLimit === other.rotaryLimit;
  if (isSame) return rotation;
  throw config.fault(
    `${config.say("rope_parameters")} and ${config.say("rope_scaling")}${
      config.has("rope_theta") ? "" : ` (whose rope_theta is ${shape.defaultTheta})`
    } give different frequencies, and programs differ in which they take: remove one`,
  );
}

/** null where the spelling isn't used. */
function spelled(config: ConfigFields, name: string): ConfigFields | null {
  const rope = config.object(name);
  if (rope === null || rope.isEmpty) return null;
  if (rope.has("full_attention") || rope.has("sliding_attention")) {
    throw config.unsupported(name, "one set of parameters for each type of layer isn't supported");
  }
  return rope;
}

/** Of which heads, and where θ stands beside the parameters. */
interface RotationShape {
  /** Elements that are rotated. */
  headDim: number;
  /** The share of a head that they are; default 1. */
  part?: number;
  /** Where it stands nowhere. */
  defaultTheta: number;
  /** Default `rope_theta`. */
  thetaName?: string | undefined;
  /** A `dynamic` scaling may have an alpha, {@linkcode widenedTheta}. */
  hasAlpha?: boolean;
}

function readRotation(
  rope: ConfigFields,
  config: ConfigFields,
  { headDim, part = 1, defaultTheta, thetaName = "rope_theta", hasAlpha = false }: RotationShape,
): LimitedRotation {
  for (const fields of [config, rope]) {
    if (fields.number("partial_rotary_factor", part) !== part) {
      throw fields.unsupported(
        "partial_rotary_factor",
        part === 1
          ? "rotating a part of each head isn't supported"
          : `two spellings of one setting, of which the other is ${part}`,
      );
    }
  }
  rope.agree("rope_theta", config, thetaName);
  rope.agree("rope_type", rope, "type");
  const given = rope.has("rope_theta")
    ? rope.positive("rope_theta")
    : config.positive(thetaName, defaultTheta);
  const typeName = rope.has("type") && !rope.has("rope_type") ? "type" : "rope_type";
  const kind = rope.text(typeName, "default");
  // transformers passes over an alpha of 0
  const alpha = hasAlpha && kind === "dynamic" ? rope.number("alpha", 0) : 0;
  if (alpha < 0) throw rope.unsupported("alpha", "it is to be at least 0");
  const theta = alpha === 0 ? given : widenedTheta(given, alpha, headDim);
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** (-2 * i / headDim));
  switch (kind) {
    case "default":
      return { inverseFrequencies: plain };
    case "linear": {
      const factor = rope.positive("factor");
      return { inverseFrequencies: plain.map((frequency) => frequency / factor) };
    }
    case "dynamic":
      rope.positive("factor");
      return { inverseFrequencies: plain, rotaryLimit: config.count("max_position_embeddings") };
    case "llama3":
      return { inverseFrequencies: llama3(rope, originalLength(rope, config), plain) };
    case "yarn":
      return yarn(rope, config, { theta, original: originalLength(rope, config), plain });
    case "longrope":
      return longrope(rope, config, plain);
    default:
      throw rope.unsupported(
        typeName,
        "supported are default, linear, dynamic, llama3, yarn and longrope",
      );
  }
}

/** Tokens that the model was trained on first; the model's own field wins over the scaling's, as in transformers. */
function originalLength(rope: ConfigFields, config: ConfigFields): number {
  const name = "original_max_position_embeddings";
  const owner = [config, rope].find((fields) => fields.has(name));
  return owner === undefined ? config.positive("max_position_embeddings") : owner.positive(name);
}

function llama3(rope: ConfigFields, original: number, plain: Float64Array): Float64Array {
  const factor = rope.positive("factor");
  const low = rope.positive("low_freq_factor"), high = rope.positive("high_freq_factor");
  if (!(high > low)) throw rope.unsupported("high_freq_factor", "it is to be above low_freq_factor");
  return plain.map((frequency) => {
    const turns = original * frequency / (2 * Math.PI);
    const blend = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return frequency * ((1 - blend) / factor + blend);
  });
}

/**
 * One divisor a frequency, those of short texts where long ones have others (LongRoPE, Ding et al. 2024, as transformers 5.17's
 * `_compute_longrope_parameters` takes it); the same at every length is what a GGUF file's rope_freqs become.
 */
function longrope(rope: ConfigFields, config: ConfigFields, plain: Float64Array): LimitedRotation {
  const [short, long] = ["short_factor", "long_factor"].map((name) => divisorsOf(rope, name, plain.length));
  const original = originalLength(rope, config);
  const factor = rope.positive("factor", config.positive("max_position_embeddings") / original);
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const attentionFactor = rope.positive("attention_factor", usual);
  return {
    inverseFrequencies: plain.map((frequency, i) => frequency / (short?.[i] ?? 1)),
    ...(attentionFactor !== 1 && { attentionFactor }),
    ...(String(short) !== String(long) && { rotaryLimit: original }),
  };
}

function divisorsOf(rope: ConfigFields, name: string, count: number): number[] {
  const divisors = rope.numbers(name);
  if (divisors.length === count && divisors.every((divisor) => divisor > 0)) return divisors;
  throw rope.unsupported(name, `it is to have ${count} numbers above 0, one a frequency`);
}
