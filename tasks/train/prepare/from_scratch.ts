/**
 * Key `train_from_scratch`: a model of which config.json and tokenizer are used, and no weight, as LLaMA-Factory's `from_config`.
 * @module
 */
import type { LoadedModel } from "../../../formats/hf_model/mod.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import type { FreshStart } from "../../../kernels/engine/weights/fresh_weights.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { ConfigFields } from "../../../plugins/models/config_fields.ts";

/** Keys that decide about untrained weights. */
export type FreshKeys = Partial<Pick<TrainConfig, "train_from_scratch" | "seed">>;

/**
 * What untrained weights of a model are drawn by: `initializer_range` (0.02) and `pad_token_id` of its config.json, and the run's seed; null
 * where they are read.
 * @throws {RangeError} If the model has parts beside its decoder, or a token for padding that its vocabulary hasn't
 */
export function freshStart(
  { config, configFile }: Pick<LoadedModel, "config" | "configFile">,
  { moduleRoot, vocabSize }: Pick<DecoderConfig, "moduleRoot" | "vocabSize">,
  { train_from_scratch: isWanted = false, seed = 42 }: FreshKeys,
): FreshStart | null {
  if (!isWanted) return null;
  if (moduleRoot !== undefined) {
    throw new RangeError(
      `Cannot train ${configFile} from scratch as its vision tower would stay untrained: current value is train_from_scratch: true; use a text model`,
    );
  }
  const fields = new ConfigFields(config, configFile);
  const token = fields.has("pad_token_id") ? fields.number("pad_token_id") : null;
  // a negative one counts from the end, as in PyTorch
  const paddingRow = token === null ? null : token < 0 ? token + vocabSize : token;
  if (paddingRow !== null && !(Number.isInteger(paddingRow) && paddingRow >= 0 && paddingRow < vocabSize)) {
    throw fields.unsupported("pad_token_id", `it is to be below vocab_size, ${vocabSize}`);
  }
  return { seed, deviation: fields.number("initializer_range", 0.02) || 0.02, paddingRow };
}

/** A line for the start. */
export function freshNote({ seed, deviation }: FreshStart): string {
  return `train_from_scratch: weights are random (normal, deviation ${deviation}, seed ${seed}); of the model only config.json and tokenizer are used`;
}
