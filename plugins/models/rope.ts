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
 * @throws {RangeError} If the kind of scaling isn't supported (named), or a field of it is missing.
 */
export function inverseFrequencies(config: ConfigFields, headDim: number): Float64Array {
  const rope = ropeFields(config);
  if (config.number("partial_rotary_factor", rope.number("partial_rotary_factor", 1)) !== 1) {
    throw config.unsupported("partial_rotary_factor", "rotating a part of each head isn't supported");
  }
  const theta = rope.number("rope_theta", config.number("rope_theta", 10000));
  if (!(theta > 0)) throw config.unsupported("rope_theta", "it is to be above 0");
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** (-2 * i / headDim));
  const type = rope.text("rope_type", rope.text("type", "default"));
  switch (type) {
    case "default":
      return plain;
    case "linear": {
      const factor = positive(rope, "factor");
      return plain.map((frequency) => frequency / factor);
    }
    case "llama3":
      return llama3(rope, config, plain);
    case "longrope":
      return fixedDivisors(rope, plain);
    default:
      throw rope.unsupported("rope_type", "supported are default, linear and llama3");
  }
}

function ropeFields(config: ConfigFields): ConfigFields {
  const five = config.object("rope_parameters"), four = config.object("rope_scaling");
  const rope = five ?? four ?? new ConfigFields({}, config.what);
  if (rope.has("full_attention") || rope.has("sliding_attention")) {
    throw config.unsupported(
      "rope_parameters",
      "one set of parameters for each type of layer isn't supported",
    );
  }
  return rope;
}

function llama3(rope: ConfigFields, config: ConfigFields, plain: Float64Array): Float64Array {
  const factor = positive(rope, "factor");
  const low = positive(rope, "low_freq_factor"), high = positive(rope, "high_freq_factor");
  const original = rope.number("original_max_position_embeddings", config.number("max_position_embeddings"));
  if (!(high > low)) throw rope.unsupported("high_freq_factor", "it is to be above low_freq_factor");
  return plain.map((frequency) => {
    const turns = original * frequency / (2 * Math.PI);
    const blend = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return frequency * ((1 - blend) / factor + blend);
  });
}

/** One divisor a frequency, the same at every length: what a GGUF file's rope_freqs become. */
function fixedDivisors(rope: ConfigFields, plain: Float64Array): Float64Array {
  const short = rope.numbers("short_factor"), long = rope.numbers("long_factor");
  const same = short.length === plain.length && long.length === short.length &&
    short.every((x, i) => x === long[i]);
  if (!same || rope.number("attention_factor", NaN) !== 1 || short.some((divisor) => !(divisor > 0))) {
    throw rope.unsupported("rope_type", "longrope whose factors change with the length isn't supported");
  }
  return plain.map((frequency, i) => frequency / short[i]!);
}

function positive(rope: ConfigFields, name: string): number {
  const value = rope.number(name);
  if (!(value > 0)) throw rope.unsupported(name, "it is to be above 0");
  return value;
}
