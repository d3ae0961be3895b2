/**
 * Choosing the next token of an answer from the model's logits.
 * @module
 */
import { f64, item } from "../../../../formats/elements.ts";
import { stream, uniform } from "../../../random/counter.ts";
import { LogitsError } from "./logits_error.ts";
import type { TokenMask } from "./mask.ts";
import type { Outlook, TokenPick } from "../outlook.ts";
import type { Sampling } from "./sampling.ts";
import {
  biased,
  forbidden,
  keepMinP,
  keepTopK,
  keepTopP,
  masked,
  penalized,
  repetitionPenalized,
  tempered,
} from "./sampling_processors.ts";

/**
 * Logits `[V]` after all processors in transformers' order (sequence bias, repetition penalty, minimum length; then
 * temperature, top-k, top-p, min-p), with OpenAI's penalties behind the repetition penalty as in vLLM. What may not
 * be chosen is −Infinity. With temperature 0 the last four are left out.
 * @param answer `prompt` and `output`: ids of the prompt and of the answer so far; `endIds`: ids that `min_tokens` holds back, absent: none;
 * `allowed`: bitmask of a {@linkcode TokenMask}, absent: all tokens.
 */
export function processLogits(
  logits: ArrayLike<number>,
  sampling: Sampling,
  { prompt, output, endIds = [], allowed = null }: {
    prompt: ArrayLike<number>;
    output: ArrayLike<number>;
    endIds?: Iterable<number>;
    allowed?: Int32Array | null;
  },
): Float64Array {
  const z = Float64Array.from(logits);
  biased(z, sampling.logit_bias);
  repetitionPenalized(z, sampling.repetition_penalty, [prompt, output]);
  penalized(z, sampling.frequency_penalty, sampling.presence_penalty, output);
  if (output.length < sampling.min_tokens) forbidden(z, endIds);
  if (allowed) masked(z, allowed);
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

/** The id at which the cumulative softmax of `z` passes `share`, in [0, 1); −1 when a value isn't a number. */
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

/** The best tokens of an outlook, with their logits. */
interface Best {
  ids: readonly number[];
  best: readonly number[];
}

/** The best token; -1 where its logit isn't a number. */
function firstOf({ ids, best }: Best): number {
  return Number.isFinite(item(best, 0)) ? item(ids, 0) : -1;
}

const DRAWS = stream("generate");

/** Chooses the tokens of one answer. Number i of the answer depends on seed and i alone, not on what ran before or beside it. */
export class Sampler {
  /** True if logits count as they are. */
  readonly #unbiased: boolean;
  readonly #words: Int32Array<ArrayBuffer>;
  /** Tokens that a grammar allows; null: all. */
  readonly mask: TokenMask | null;

  /**
   * @param sampling From `checkSampling`.
   * @param held A grammar, and the size of the vocabulary that it masks.
   */
  constructor(
    readonly sampling: Sampling,
    readonly prompt: ArrayLike<number>,
    readonly endIds: readonly number[],
    held: { mask: TokenMask | null; vocabSize: number } = { mask: null, vocabSize: 0 },
  ) {
    const s = sampling;
    this.#unbiased = s.repetition_penalty === 1 && s.presence_penalty === 0 && s.frequency_penalty === 0 &&
      Object.keys(s.logit_bias).length === 0 && held.mask === null;
    this.mask = held.mask;
    this.#words = new Int32Array(held.mask ? Math.ceil(held.vocabSize / 32) : 0);
  }

  /**
   * True if the best tokens are enough to choose the next one.
   * @param best Number of best tokens that an engine gives.
   * @param output Tokens of the answer so far.
   */
  needsOnlyBest(best: number, output: number): boolean {
    const { temperature, top_k, min_tokens } = this.sampling;
    return best > 0 && this.#unbiased && output >= min_tokens &&
      (temperature === 0 || (top_k > 0 && top_k < best));
  }

  /**
   * The way for a device to choose the token behind `output` others by itself; null where that takes more than a temperature.
   * A device draws with float32 probabilities, so it chooses every such token, and none by halves.
   */
  pick(output: number): TokenPick | null {
    const { temperature, top_k, top_p, min_p, min_tokens, seed } = this.sampling;
    if (!this.#unbiased || output < min_tokens) return null;
    if (temperature === 0) return { temperature, share: 0 };
    if (top_k > 0 || top_p < 1 || min_p > 0) return null;
    return { temperature, share: uniform(seed, DRAWS, output) };
  }

  /**
   * The next token's id.
   * @param output Ids of the answer so far.
   * @throws {LogitsError} If logits aren't numbers.
   * @throws {RangeError} If the mask allows no token.
   */
  next(outlook: Omit<Outlook, "shared">, output: ArrayLike<number>): number {
    const { sampling, mask } = this, draw = () => uniform(sampling.seed, DRAWS, output.length);
    let id: number, allowed: Int32Array | null = null;
    if (outlook.chosen !== undefined) {
      id = outlook.chosen;
    } else if (this.needsOnlyBest(outlook.ids.length, output.length)) {
      id = sampling.temperature === 0 ? firstOf(outlook) : this.#amongBest(outlook, draw());
    } else {
      if (!outlook.logits) throw new TypeError("Cannot choose a token: all logits are needed");
      mask?.fill(this.#words);
      if (mask) allowed = this.#words;
      const plain = this.#unbiased && sampling.temperature === 0 && output.length >= sampling.min_tokens;
      const z = plain ? outlook.logits : processLogits(outlook.logits, sampling, {
        prompt: this.prompt,
        output,
        endIds: this.endIds,
        allowed,
      });
      id = sampling.temperature === 0 ? argmax(z) : inverseSoftmax(z as Float64Array, draw());
    }
    if (id < 0) {
      const task = `Cannot choose token ${output.length} of an answer`;
      if (allowed?.every((word) => word === 0)) throw new RangeError(`${task}: its mask allows none`);
      throw new LogitsError(`${task}: its logits aren't numbers. Are the weights finite?`);
    }
    mask?.accept(id);
    return id;
  }

  /** As from all logits, since what is behind `top_k` has no share (unless more tokens tie with the last of them than the best ones are). */
  #amongBest({ ids, best }: Best, share: number): number {
    const order = [...ids.keys()].sort((a, b) => item(ids, a) - item(ids, b));
    const z = processLogits(order.map((i) => item(best, i)), this.sampling, { prompt: [], output: [] });
    const chosen = inverseSoftmax(z, share);
    return chosen < 0 ? -1 : item(ids, item(order, chosen));
  }
}
