/**
 * Log-probabilities of chosen tokens and of the best ones, as OpenAI's `logprobs` and `top_logprobs` tell them.
 * @module
 */
import { float } from "../../../../formats/elements.ts";

/** A token's log-probability, nats. */
export interface TokenLogprob {
  id: number;
  logprob: number;
}

/** The chosen token's, and the best ones', best first. */
export interface TokenLogprobs extends TokenLogprob {
  top: TokenLogprob[];
}

/** Of a prompt's token: its place among all as well. */
export interface PromptTokenLogprobs extends TokenLogprobs {
  /** Number of tokens that are at least as likely, itself included: 1 for the best. */
  rank: number;
}

/** As {@linkcode logprobsOf}, of a token that was given. */
export function promptLogprobsOf(logits: Float32Array, id: number, count: number): PromptTokenLogprobs {
  const own = float(logits, id);
  return {
    ...logprobsOf(logits, id, count),
    rank: logits.reduce((sum, value) => value >= own ? sum + 1 : sum, 0),
  };
}

/**
 * Of a token that was chosen from logits `[V]`; sums in float64.
 * @param count Number of best tokens, ≥ 0; of equal ones the lower id comes first.
 */
export function logprobsOf(logits: Float32Array, id: number, count: number): TokenLogprobs {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const norm = max + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - max), 0));
  const best: number[] = [];
  for (let i = 0; count > 0 && i < logits.length; i++) {
    const value = float(logits, i);
    if (best.length === count && !(value > float(logits, best[count - 1] ?? 0))) continue;
    let place = best.length;
    while (place > 0 && value > float(logits, best[place - 1] ?? 0)) place--;
    best.splice(place, 0, i);
    best.length = Math.min(best.length, count);
  }
  const entry = (token: number): TokenLogprob => ({ id: token, logprob: float(logits, token) - norm });
  return { ...entry(id), top: best.map(entry) };
}
