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

/** `pad_token_id` of a config.json that doesn't mention it, by its model_type: of transformers' configuration classes (4.57.6 and 5.17.0). */
const DEFAULT_PADDING: ReadonlyMap<string, number> = new Map([
  ["ernie4_5", 0],
  ["gemma", 0],
  ["gemma2", 0],
  ["gemma3_text", 0],
  ["hunyuan_v1_dense", 0],
  ["olmo2", 1],
  ["olmo3", 1],
  ["phi3", 32000],
  ["smollm3", 128004],
]);

/**
 * What untrained weights of a model are drawn by: `initializer_range` (0.02) and `pad_token_id` of its config.json (where it has none, that of transformers'
 * class), and the run's seed; null where they are read.
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
  const byDefault = fields.mentions("pad_token_id")
    ? undefined
    : DEFAULT_PADDING.get(String(config.model_type));
  const token = fields.has("pad_token_id") ? fields.number("pad_token_id") : byDefault ?? null;
  // a negative one counts from the end, as in PyTorch
  const paddingRow = token === null ? null : token < 0 ? token + vocabSize : token;
  if (paddingRow !== null && !(Number.isInteger(paddingRow) && paddingRow >= 0 && paddingRow < vocabSize)) {
    const is = byDefault === undefined ? "" : ` (${byDefault} where it isn't written, null for none)`;
    throw fields.unsupported("pad_token_id", `it is to be below vocab_size, ${vocabSize}${is}`);
  }
  return { seed, deviation: fields.number("initializer_range", 0.02) || 0.02, paddingRow };
}

/** A line for the start. */
export function freshNote({ seed, deviation }: FreshStart): string {
  return `train_from_scratch: weights are random (normal, deviation ${deviation}, seed ${seed}); of the model only config.json and tokenizer are used`;
}
