/**
 * Language parts of models that see, too: config.json of transformers 4 (fields at the top, or in `text_config`) and 5 for the one decoder.
 *
 * Their rotation has three position axes (time, height, width), each with its sections of a head's frequencies (mrope). Those of a text are
 * equal, so that any split and any order of the sections gives the ordinary rotation (Wang et al. 2024, Qwen2-VL, section 2.1).
 * @module
 */
import { textConfigOf } from "../../formats/hf_model/text_part.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { ConfigFields } from "./config_fields.ts";

type Config = Readonly<Record<string, unknown>>;

/** In front of the decoder's modules, in transformers' classes of these models since 4.52. */
const LANGUAGE_MODULES = "model.language_model.";

/** Fields that the top has for its language part, too. */
const FROM_TOP = ["tie_word_embeddings", "eos_token_id", "dtype", "torch_dtype"];

/**
 * The fields of a model's language part.
 * @param file Its path, for messages
 * @param defaults Of fields that transformers' class has a default for, other than the text family's
 * @throws {RangeError} If its `model_type` is another
 */
export function languageFields(
  config: Config,
  modelType: string,
  file: string,
  defaults: Config,
): ConfigFields {
  const owner = `${file} of a ${modelType} model`;
  if (config.model_type !== modelType) {
    throw new ConfigFields(config, owner).unsupported("model_type", `this family reads ${modelType}`);
  }
  const text = textConfigOf(config);
  const top = Object.fromEntries(FROM_TOP.flatMap((name) => name in config ? [[name, config[name]]] : []));
  const own = Object.fromEntries(
    Object.entries(text).filter(([name, value]) => value !== null || !(name in top)),
  );
  const tied = config.tie_word_embeddings === true || text.tie_word_embeddings === true;
  const fields = {
    ...defaults,
    ...top,
    ...own,
    ...(("tie_word_embeddings" in own || "tie_word_embeddings" in top) && { tie_word_embeddings: tied }),
    ...Object.fromEntries(
      ["rope_parameters", "rope_scaling"].filter((name) => name in text)
        .map((name) => [name, ordinary(text[name])]),
    ),
  };
  return new ConfigFields(fields, owner, text === config ? "" : "text_config.");
}

/** Parameters of a rotation with `mrope`, which is `default` to a text; others as they are. */
function ordinary(rope: unknown): unknown {
  if (typeof rope !== "object" || rope === null || Array.isArray(rope)) return rope;
  return Object.fromEntries(
    Object.entries(rope).map(([key, value]) => [
      key,
      /^(rope_)?type$/.test(key) && value === "mrope" ? "default" : value,
    ]),
  );
}

/**
 * The decoder of a model that sees, read by a text family.
 * @throws {RangeError} If its sections aren't those of its heads
 */
export function languageDecoder(decoder: DecoderConfig, fields: ConfigFields): DecoderConfig {
  for (const name of ["rope_parameters", "rope_scaling"]) {
    const rope = fields.object(name), key = "mrope_section";
    // interleaved sections are places in the temporal ones, and need no sum
    if (rope === null || !rope.has(key) || rope.flag("mrope_interleaved", false)) continue;
    const sections = rope.numbers(key), half = decoder.headDim / 2;
    const areCounts = sections.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (sections.length !== 3 || !areCounts || sections.reduce((a, b) => a + b, 0) !== half) {
      throw rope.unsupported(key, `it is to be three counts whose sum is half a head, ${half}`);
    }
  }
  return { ...decoder, moduleRoot: LANGUAGE_MODULES };
}
