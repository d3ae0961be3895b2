/**
 * The language part of models that see, too (Qwen2-VL, Qwen2.5-VL, Qwen3-VL): its fields in config.json, and its tensors under the
 * names of a text model's, by whichever way of transformers a file names them.
 * @module
 */
import type { BesideDecoder } from "./loaded_model.ts";
import { aliasTied, type WeightSource } from "./weights.ts";

/** Fields of the language part: `text_config`, or the object itself, where hub files older than transformers 4.52 have them. */
export function textConfigOf(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { text_config: text } = config;
  return isObject(text) ? text : config;
}

/** True if a model has parts beside its decoder. */
export function seesToo(config: Readonly<Record<string, unknown>>): boolean {
  return isObject(config.vision_config);
}

/** True if the output head is the embedding; files of transformers 4 say it inside of `text_config`. */
export function isTied(config: Readonly<Record<string, unknown>>): boolean {
  return config.tie_word_embeddings === true || textConfigOf(config).tie_word_embeddings === true;
}

/**
 * A tensor's or module's name as the decoder has it (`model.layers.…`, `lm_head.…`), and without `model.` in front where it lies beside the
 * decoder (`visual.…`).
 */
export function decoderName(name: string): string {
  const [, decoder] = /^(?:model\.language_model|language_model\.model)\.(.+)$/.exec(name) ?? [];
  if (decoder !== undefined) return `model.${decoder}`;
  const [, head] = /^language_model\.(lm_head(?:\..+)?)$/.exec(name) ?? [];
  return head ?? name.replace(/^model\.(?!(?:layers|embed_tokens|norm)(?:\.|$))/, "");
}

/** True if a name given by {@linkcode decoderName} is the decoder's. */
export function isOfDecoder(name: string): boolean {
  return /^(?:model|lm_head)(?:\.|$)/.test(name);
}

/**
 * The decoder's tensors of a model that sees, under a text model's names; those beside it aren't among `names()`, but are read.
 * @param weights As the files name them, a tied output among them if it is stored
 * @param tied True if the output head is the embedding
 * @param path For messages
 * @throws {RangeError} If two tensors have one name then
 */
export function textWeights(
  weights: WeightSource,
  tied: boolean,
  path: string,
): { weights: WeightSource; beside: BesideDecoder } {
  const byName = new Map<string, string>();
  for (const stored of weights.names()) {
    const name = decoderName(stored), other = byName.get(name);
    if (aliasTied(name, tied) !== name) continue;
    if (other !== undefined) {
      throw new RangeError(`Cannot open ${path}: ${stored} and ${other} are one tensor in two spellings`);
    }
    byName.set(name, stored);
  }
  const names = [...byName.keys()];
  const stored = (name: string) => byName.get(aliasTied(name, tied)) ?? name;
  return {
    weights: {
      names: () => names.filter(isOfDecoder),
      shape: (name) => weights.shape(stored(name)),
      read: (name) => weights.read(stored(name)),
      pieces: (name) => weights.pieces(stored(name)),
      rows: (name, rows) => weights.rows(stored(name), rows),
      packedForm: (name) => weights.packedForm(stored(name)),
      packed: (name) => weights.packed(stored(name)),
      hash: () => weights.hash(),
      close: () => weights.close(),
    },
    beside: {
      names: names.filter((name) => !isOfDecoder(name)),
      stored: (name) => byName.get(name) ?? name,
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
