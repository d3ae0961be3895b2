/**
 * YaRN (Peng et al. 2023, "YaRN: Efficient Context Window Extension of Large Language Models", section 3), as transformers 5.17's
 * `_compute_yarn_parameters` computes it. llama.cpp's differs (docs/decisions/models.md).
 * @module
 */
import type { ConfigFields } from "./config_fields.ts";

/** What YaRN starts from. */
export interface YarnBase {
  /** Base of the frequencies, > 1. */
  readonly theta: number;
  /** Tokens that the model was trained on first, > 0. */
  readonly original: number;
  /** Frequencies without scaling, `[headDim / 2]`. */
  readonly plain: Float64Array;
}

/**
 * Frequencies that turn more than `beta_fast` (32) times within the original length stay, those of fewer than `beta_slow` (1) turns are divided by the
 * factor, and between the two a ramp over their indices blends them; queries and keys become `attention_factor` times as long.
 * @throws {RangeError} If a field is missing or out of its range
 */
export function yarn(
  rope: ConfigFields,
  config: ConfigFields,
  { theta, original, plain }: YarnBase,
): { inverseFrequencies: Float64Array; attentionFactor: number } {
  const headDim = 2 * plain.length;
  const factor = rope.has("factor")
    ? rope.positive("factor")
    : config.positive("max_position_embeddings") / original;
  const bound = (name: string, otherwise: number) => {
    const turns = rope.number(name, otherwise) || otherwise;
    return headDim * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  };
  const isTruncated = rope.flag("truncate", true);
  const fast = bound("beta_fast", 32), slow = bound("beta_slow", 1);
  const low = Math.max(isTruncated ? Math.floor(fast) : fast, 0);
  const high = Math.min(isTruncated ? Math.ceil(slow) : slow, headDim - 1);
  const width = high === low ? 0.001 : high - low;
  const inverseFrequencies = plain.map((frequency, i) => {
    const slowness = Math.min(1, Math.max(0, (i - low) / width));
    return frequency / factor * slowness + frequency * (1 - slowness);
  });
  return { inverseFrequencies, attentionFactor: attentionFactor(rope, factor) };
}

function attentionFactor(rope: ConfigFields, factor: number): number {
  if (rope.has("attention_factor")) return rope.positive("attention_factor");
  const mscale = rope.number("mscale", 0), mscaleAll = rope.number("mscale_all_dim", 0);
  const length = (scale: number) => factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  return mscale !== 0 && mscaleAll !== 0 ? length(mscale) / length(mscaleAll) : length(1);
}
