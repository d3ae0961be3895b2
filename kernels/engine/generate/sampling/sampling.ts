/**
 * Sampling as a request may ask for it. Field names and meanings are those of transformers and of OpenAI's and vLLM's servers.
 * @module
 */
import type { MaskSource } from "./mask.ts";

/** Options for choosing tokens. */
export interface Sampling {
  /** 0 or ≥ 1e-5; 0 takes the best token and ignores seed, `top_k`, `top_p`, `min_p`. */
  temperature: number;
  /** Only the best so many tokens (and those equal to the last of them); 0 or −1: all. */
  top_k: number;
  /** Only the best tokens whose probabilities together reach this, in (0, 1]. */
  top_p: number;
  /** Only tokens at least this likely relative to the best one, in [0, 1]. */
  min_p: number;
  /** Over prompt and answer, > 0; above 1 discourages what stood before (Keskar et al. 2019). */
  repetition_penalty: number;
  /** Taken from the logit of every token that the answer has, −2 … 2. */
  presence_penalty: number;
  /** Taken from it once for every time, −2 … 2. */
  frequency_penalty: number;
  /** Added to logits, by token id. */
  logit_bias: Readonly<Record<number, number>>;
  /** No end token before so many tokens, and no stop text looked for, ≥ 0, ≤ `max_tokens`. */
  min_tokens: number;
  /** Most tokens of an answer, ≥ 1; 0 with `prompt_logprobs` alone. */
  max_tokens: number;
  /** Texts that end the answer; they aren't part of it. */
  stop: readonly string[];
  /** Token ids that end the answer besides the model's own. */
  stop_ids: readonly number[];
  /** True if the model's own end-of-text tokens are passed over. */
  ignore_eos: boolean;
  /** Same seed, same answer (on the same machine); whole, in [0, 2^53). */
  seed: number;
  /** Answers to the prompt, 1 … 128; number i of them draws with `seed + i`. */
  n: number;
  /**
   * null: none. Else every token comes with its log-probability and those of so many best tokens, 0 … 20; nats, of the
   * model itself: before bias, penalties, temperature and mask.
   */
  logprobs: number | null;
  /** null: none. Else the prompt's tokens behind the first come with their log-probabilities, as `logprobs` does; in answer 0 alone. */
  prompt_logprobs: number | null;
  /** Name of the adapter that answers, see `Generator.loadAdapter`; null: the model as it was opened. */
  adapter: string | null;
  /** Tokens that a grammar allows; null: all. */
  mask: MaskSource | null;
}

/** Greedy, with nothing else changed. */
export const GREEDY: Sampling = Object.freeze({
  temperature: 0,
  top_k: 0,
  top_p: 1,
  min_p: 0,
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  logit_bias: Object.freeze({}),
  min_tokens: 0,
  max_tokens: 256,
  stop: Object.freeze([]) as readonly string[],
  stop_ids: Object.freeze([]) as readonly number[],
  ignore_eos: false,
  seed: 0,
  n: 1,
  logprobs: null,
  prompt_logprobs: null,
  adapter: null,
  mask: null,
});

/** Range of each number. */
const RANGES: readonly [name: keyof Sampling, need: string, fits: (value: number) => boolean][] = [
  ["temperature", "0 or a number ≥ 1e-5", (v) => v === 0 || (v >= 1e-5 && v < Infinity)],
  ["top_k", "a whole number ≥ −1", (v) => Number.isSafeInteger(v) && v >= -1],
  ["top_p", "a number in (0, 1]", (v) => v > 0 && v <= 1],
  ["min_p", "a number in [0, 1]", (v) => v >= 0 && v <= 1],
  ["repetition_penalty", "a number > 0", (v) => v > 0 && v < Infinity],
  ["presence_penalty", "a number in [−2, 2]", (v) => v >= -2 && v <= 2],
  ["frequency_penalty", "a number in [−2, 2]", (v) => v >= -2 && v <= 2],
  ["min_tokens", "a whole number ≥ 0", (v) => Number.isSafeInteger(v) && v >= 0],
  ["seed", "a whole number in [0, 2^53)", (v) => Number.isSafeInteger(v) && v >= 0],
  ["n", "a whole number from 1 to 128", (v) => Number.isSafeInteger(v) && v >= 1 && v <= 128],
];

/**
 * Checks values and fills in {@linkcode GREEDY} for missing ones.
 * @throws {RangeError} If a value is out of range, or a token id isn't in the vocabulary; named.
 */
export function checkSampling(given: Partial<Sampling>, vocabSize: number): Sampling {
  const sampling = { ...GREEDY, ...given };
  const refuse = (name: string, need: string, value: unknown): never => {
    throw new RangeError(`Cannot sample with ${name} as it needs ${need}: current value is ${value}`);
  };
  for (const [name, need, fits] of RANGES) {
    const value = sampling[name];
    if (typeof value !== "number" || !fits(value)) refuse(name, need, value);
  }
  const { stop, stop_ids, logit_bias, ignore_eos } = sampling;
  if (typeof ignore_eos !== "boolean") refuse("ignore_eos", "true or false", JSON.stringify(ignore_eos));
  const needsList = (name: string, list: unknown) =>
    Array.isArray(list) || refuse(name, "a list", JSON.stringify(list));
  needsList("stop", stop);
  needsList("stop_ids", stop_ids);
  if (typeof logit_bias !== "object" || logit_bias === null || Array.isArray(logit_bias)) {
    refuse("logit_bias", "numbers by token id", JSON.stringify(logit_bias));
  }
  const isId = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < vocabSize;
  for (const [id, bias] of Object.entries(logit_bias)) {
    // "" and "1e1" are numbers to JavaScript.
    if (!isId(/^\d+$/.test(id) ? Number(id) : NaN)) {
      refuse("logit_bias", `token ids below ${vocabSize}`, JSON.stringify(id));
    }
    if (!Number.isFinite(bias)) refuse("logit_bias", "finite numbers", bias);
  }
  for (const name of ["logprobs", "prompt_logprobs"] as const) {
    const value = sampling[name];
    if (value !== null && !(Number.isSafeInteger(value) && value >= 0 && value <= 20)) {
      refuse(name, "null or a whole number from 0 to 20", value);
    }
  }
  const { max_tokens, min_tokens, prompt_logprobs } = sampling, least = prompt_logprobs === null ? 1 : 0;
  if (!(Number.isSafeInteger(max_tokens) && max_tokens >= least)) {
    refuse("max_tokens", `a whole number ≥ ${least}`, max_tokens);
  }
  if (min_tokens > max_tokens) refuse("min_tokens", `${max_tokens} at most, as max_tokens says`, min_tokens);
  for (const id of stop_ids) if (!isId(id)) refuse("stop_ids", `token ids below ${vocabSize}`, id);
  for (const text of stop) {
    if (typeof text !== "string" || text === "") {
      refuse("stop", "texts that aren't empty", JSON.stringify(text));
    }
  }
  return sampling;
}
