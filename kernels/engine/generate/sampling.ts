/**
 * Choosing the next token: what a request may ask for, and the sampler that does it. Field names and meanings are those of
 * transformers and of OpenAI's and vLLM's servers.
 * @module
 */
import { f64 } from "../../../formats/elements.ts";
import { stream, uniform } from "../../random/counter.ts";
import {
  biased,
  forbidden,
  keepMinP,
  keepTopK,
  keepTopP,
  penalized,
  repetitionPenalized,
  tempered,
} from "./sampling_processors.ts";

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
  /** No end token before so many tokens, and no stop text looked for, ≥ 0. */
  min_tokens: number;
  /** Most tokens of an answer, ≥ 1. */
  max_tokens: number;
  /** Texts that end the answer; they aren't part of it. */
  stop: readonly string[];
  /** Token ids that end the answer besides the model's own. */
  stop_ids: readonly number[];
  /** Whether the model's own end-of-text tokens are passed over. */
  ignore_eos: boolean;
  /** Same seed, same answer (on the same machine); whole, in [0, 2^53). */
  seed: number;
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
  ["max_tokens", "a whole number ≥ 1", (v) => Number.isSafeInteger(v) && v >= 1],
  ["seed", "a whole number in [0, 2^53)", (v) => Number.isSafeInteger(v) && v >= 0],
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
  const isId = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < vocabSize;
  for (const [id, bias] of Object.entries(sampling.logit_bias)) {
    if (!isId(Number(id))) refuse("logit_bias", `token ids below ${vocabSize}`, id);
    if (!Number.isFinite(bias)) refuse("logit_bias", "finite numbers", bias);
  }
  for (const id of sampling.stop_ids) if (!isId(id)) refuse("stop_ids", `token ids below ${vocabSize}`, id);
  for (const text of sampling.stop) if (text === "") refuse("stop", "texts that aren't empty", '""');
  return sampling;
}

/**
 * Logits `[V]` after all processors in transformers' order (sequence bias, repetition penalty, minimum length; then
 * temperature, top-k, top-p, min-p), with OpenAI's penalties behind the repetition penalty as in vLLM. What may not
 * be chosen is −Infinity. With temperature 0 the last four are left out.
 * @param output Ids of the answer so far.
 * @param endIds Ids that `min_tokens` holds back.
 */
export function processLogits(
  logits: ArrayLike<number>,
  sampling: Sampling,
  prompt: ArrayLike<number>,
  output: ArrayLike<number>,
  endIds: Iterable<number> = [],
): Float64Array {
  const z = Float64Array.from(logits);
  biased(z, sampling.logit_bias);
  repetitionPenalized(z, sampling.repetition_penalty, [prompt, output]);
  penalized(z, sampling.frequency_penalty, sampling.presence_penalty, output);
  if (output.length < sampling.min_tokens) forbidden(z, endIds);
  if (sampling.temperature === 0) return z;
  tempered(z, sampling.temperature);
  keepTopK(z, sampling.top_k);
  keepTopP(z, sampling.top_p);
  keepMinP(z, sampling.min_p);
  return z;
}

/** The first of the largest values; −1 when none is a number above −Infinity. */
export function argmax(z: ArrayLike<number>): number {
  let best = -1, most = -Infinity;
  Array.prototype.forEach.call(z, (value: number, i) => {
    if (value > most) [best, most] = [i, value];
  });
  return best;
}

/** The id at which the cumulative softmax of `z` passes `at`, in [0, 1); −1 when a value isn't a number. */
export function inverseSoftmax(z: Float64Array, share: number): number {
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0, last = -1;
  z.forEach((value, i) => {
    if (value === -Infinity) return;
    sum += Math.exp(value - max);
    last = i;
  });
  if (!(sum > 0 && sum < Infinity)) return -1;
  let left = share * sum;
  for (let i = 0; i < z.length; i++) {
    const value = f64(z, i);
    if (value === -Infinity) continue;
    left -= Math.exp(value - max);
    if (left < 0) return i;
  }
  return last;
}

const DRAWS = stream("generate");

/** Chooses the tokens of one answer. Number i of the answer depends on seed and i alone, not on what ran before or beside it. */
export class Sampler {
  readonly #plain: boolean;

  /** @param sampling From {@linkcode checkSampling}. */
  constructor(
    readonly sampling: Sampling,
    readonly prompt: ArrayLike<number>,
    readonly endIds: readonly number[],
  ) {
    const s = sampling;
    this.#plain = s.temperature === 0 && s.repetition_penalty === 1 && s.presence_penalty === 0 &&
      s.frequency_penalty === 0 && Object.keys(s.logit_bias).length === 0;
  }

  /**
   * The next token's id.
   * @param output Ids of the answer so far.
   * @throws {RangeError} If no token can be chosen because logits aren't numbers.
   */
  next(logits: ArrayLike<number>, output: ArrayLike<number>): number {
    const { sampling } = this;
    const plain = this.#plain && output.length >= sampling.min_tokens;
    const z = plain ? logits : processLogits(logits, sampling, this.prompt, output, this.endIds);
    const id = sampling.temperature === 0
      ? argmax(z)
      : inverseSoftmax(z as Float64Array, uniform(sampling.seed, DRAWS, output.length));
    if (id < 0) {
      throw new RangeError(
        `Cannot choose token ${output.length} of an answer: its logits aren't numbers. Are the weights finite?`,
      );
    }
    return id;
  }
}
