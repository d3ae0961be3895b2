/**
 * Rotary frequencies of a model's configuration, in the spelling of transformers 4 (`rope_theta`, `rope_scaling`) and 5
 * (`rope_parameters`).
 * @module
 */
import { ConfigFields } from "./config_fields.ts";

/**
 * Inverse frequencies `[headDim / 2]`, radians per position, scaling applied: `θ^(−2i/headDim)`, divided by the factor
 * for `linear`; for `llama3` divided by the factor where fewer than `low_freq_factor` turns fit into the original
 * context, as they are above `high_freq_factor` turns, blended linearly between (Llama 3.1, transformers'
 * modeling_rope_utils.py).
 * @throws {RangeError} If the kind of scaling isn't supported (named), a field of it is missing, or two spellings of one
 * setting disagree.
 */
export function inverseFrequencies(config: ConfigFields, headDim: number): Float64Array {
  const five = spelled(config, "rope_parameters"), four = spelled(config, "rope_scaling");
  const frequencies = frequenciesOf(five ?? four ?? new ConfigFields({}, ""), config, headDim);
  if (five === null || four === null) return frequencies;
  // transformers 5 takes rope_scaling whole: rope_theta of rope_parameters is lost too
  const other = frequenciesOf(four, config, headDim);
  if (frequencies.every((frequency, i) => frequency === other[i])) return frequencies;
  throw config.fault(
    `${config.say("rope_parameters")} and ${config.say("rope_scaling")}${
      config.has("rope_theta") ? "" : " (whose rope_theta is 10000)"
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

function frequenciesOf(rope: ConfigFields, config: ConfigFields, headDim: number): Float64Array {
  for (const fields of [config, rope]) {
    if (fields.number("partial_rotary_factor", 1) !== 1) {
      throw fields.unsupported("partial_rotary_factor", "rotating a part of each head isn't supported");
    }
  }
  rope.agree("rope_theta", config, "rope_theta");
  rope.agree("rope_type", rope, "type");
  const theta = positive(rope.has("rope_theta") ? rope : config, "rope_theta", 10000);
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** (-2 * i / headDim));
  const typeName = rope.has("type") && !rope.has("rope_type") ? "type" : "rope_type";
  switch (rope.text(typeName, "default")) {
    case "default":
      return plain;
    case "linear": {
      const factor = positive(rope, "factor");
      return plain.map((frequency) => frequency / factor);
    }
    case "llama3":
      return llama3(rope, config, plain);
    case "longrope":
      return fixedDivisors(rope, typeName, plain);
    default:
      throw rope.unsupported(
        typeName,
        "supported are default, linear, llama3, and longrope whose factors are the same at every length",
      );
  }
}

function llama3(rope: ConfigFields, config: ConfigFields, plain: Float64Array): Float64Array {
  const factor = positive(rope, "factor");
  const low = positive(rope, "low_freq_factor"), high = positive(rope, "high_freq_factor");
  const name = "original_max_position_embeddings";
  const original = rope.has(name) ? positive(rope, name) : positive(config, "max_position_embeddings");
  if (!(high > low)) throw rope.unsupported("high_freq_factor", "it is to be above low_freq_factor");
  return plain.map((frequency) => {
    const turns = original * frequency / (2 * Math.PI);
    const blend = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return frequency * ((1 - blend) / factor + blend);
  });
}

/** One divisor per frequency, the same at every length: what a GGUF file's rope_freqs become. */
function fixedDivisors(rope: ConfigFields, typeName: string, plain: Float64Array): Float64Array {
  const short = rope.numbers("short_factor"), long = rope.numbers("long_factor");
  const same = short.length === plain.length && long.length === short.length &&
    short.every((x, i) => x === long[i]);
  if (!same || rope.number("attention_factor", NaN) !== 1 || short.some((divisor) => !(divisor > 0))) {
    throw rope.unsupported(typeName, "longrope whose factors change with the length isn't supported");
  }
  return plain.map((frequency, i) => frequency / short[i]!);
}

function positive(fields: ConfigFields, name: string, otherwise?: number): number {
  const value = fields.number(name, otherwise);
  if (!(value > 0)) throw fields.unsupported(name, "it is to be above 0");
  return value;
}
