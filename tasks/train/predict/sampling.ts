/**
 * Drawing of predictions: LLaMA-Factory's generating arguments as the engine takes them.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/tokenizer.ts";
import type { Sampling } from "../../../kernels/engine/generate/generator.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** Keys that say how answers are drawn. */
export type DrawingKeys = Pick<
  TrainConfig,
  "do_sample" | "temperature" | "top_p" | "top_k" | "max_new_tokens" | "repetition_penalty" | "seed"
>;

/**
 * Sampling of one row.
 * @param row From 0; each row draws numbers of its own, so that an answer doesn't depend on those beside it.
 * @param ends Ids that end an answer, of {@linkcode endIds}; what the model's files say besides isn't used, as there.
 */
export function rowSampling(config: DrawingKeys, row: number, ends: readonly number[]): Partial<Sampling> {
  const { do_sample, temperature, top_p, top_k, max_new_tokens, repetition_penalty, seed } = config;
  return {
    ...(do_sample ? { temperature, top_p, top_k } : { temperature: 0 }),
    repetition_penalty,
    max_tokens: max_new_tokens,
    seed: seed * 2 ** 20 + row % 2 ** 20,
    ignore_eos: true,
    stop_ids: ends,
  };
}

/** Ids that end an answer in LLaMA-Factory: eos, and every further special token of the tokenizer that the template made ready. */
export function endIds(tokenizer: Tokenizer, vocabSize: number): number[] {
  const text = tokenizer.files()["tokenizer_config.json"] ?? "{}";
  const config = JSON.parse(typeof text === "string" ? text : new TextDecoder().decode(text));
  const more: unknown[] = Array.isArray(config.additional_special_tokens)
    ? config.additional_special_tokens
    : [];
  const ids = [tokenizer.eosId, ...more.map((token) => tokenizer.tokenToId(textOf(token)))];
  return [...new Set(ids.filter((id) => id !== null && id < vocabSize) as number[])];
}

/** A special token's text: files have it alone, or with how it is matched. */
function textOf(token: unknown): string {
  return typeof token === "string" ? token : String((token as { content?: unknown }).content);
}
