/**
 * From fields of a request to what the generator is told.
 * @module
 */
import { checkSampling } from "../../kernels/engine/generate/sampling/sampling.ts";
import type { Sampling } from "../../kernels/engine/generate/generator.ts";
import { badRequest } from "./api_error.ts";
import type { SamplingRequest } from "./fields/fields.ts";
import type { ServedModel } from "./models.ts";
import { answerMask } from "./grammar/structured.ts";

/** Limits of an answer that its request doesn't set. */
export interface TokenLimits {
  /** Tokens of one answer, at most, as the server is told; null: as many as the context has room for. */
  maxTokens: number | null;
  /** Tokens that the context has room for behind the longest prompt; absent: not known yet. */
  room?: number;
}

/** What a request asks for by names that differ between interfaces, and the limits that it is held to. */
export interface SamplingBounds extends TokenLimits {
  /** Its `max_tokens`, by whichever name. */
  limit: number | null | undefined;
  /** Number of best tokens to report per token; null: none, and no log-probability. */
  logprobs: number | null;
  /** The same for tokens of a prompt that the reply repeats; default null. */
  echoLogprobs?: number | null;
}

/** Fields that generation_config.json may set, as vLLM reads it. */
const CONFIGURED = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty"] as const;

/**
 * Sampling of a request. What it leaves out comes from the model's generation_config.json, then from OpenAI's defaults
 * (temperature 1, no other limits). Without a seed a random one is drawn.
 * @param given Fields of the request
 * @throws {ApiError} 400 if a value doesn't fit the model, or `max_tokens` is above the server's limit
 */
export function requestSampling(
  { local }: ServedModel,
  given: SamplingRequest,
  { limit, logprobs, echoLogprobs = null, maxTokens, room }: SamplingBounds,
): Partial<Sampling> {
  const { maxModelLen, vocabSize } = local.generator.info;
  if (given.prompt_logprobs != null && given.stream === true) {
    throw badRequest("Cannot stream prompt_logprobs: leave stream out", "prompt_logprobs");
  }
  if (limit != null && maxTokens !== null && limit > maxTokens) {
    throw badRequest(
      `Cannot answer with up to ${limit} tokens: this server's limit is ${maxTokens}`,
      "max_tokens",
    );
  }
  const most = limit ?? maxTokens ?? maxModelLen, possible = Math.min(most, room ?? most);
  if ((given.min_tokens ?? 0) > possible) {
    throw badRequest(
      `Cannot answer with ${given.min_tokens} tokens at least and ${possible} at most`,
      "min_tokens",
    );
  }
  const configured = Object.fromEntries(
    CONFIGURED.map((name) => [name, given[name] ?? local.generationConfig[name]])
      .filter(([, value]) => typeof value === "number"),
  ) as Partial<Sampling>;
  const stop = given.stop ?? [];
  const sampling: Partial<Sampling> = {
    temperature: 1,
    ...configured,
    presence_penalty: given.presence_penalty ?? 0,
    frequency_penalty: given.frequency_penalty ?? 0,
    logit_bias: given.logit_bias ?? {},
    min_tokens: given.min_tokens ?? 0,
    max_tokens: most,
    n: given.n ?? 1,
    seed: seedOf(given.seed),
    stop: typeof stop === "string" ? [stop] : stop,
    stop_ids: given.ignore_eos === true
      ? given.stop_token_ids ?? []
      : [...local.stopIds, ...given.stop_token_ids ?? []],
    ignore_eos: given.ignore_eos ?? false,
    logprobs,
    prompt_logprobs: given.prompt_logprobs == null
      ? echoLogprobs
      : Math.max(given.prompt_logprobs, echoLogprobs ?? 0),
    mask: answerMask(given),
  };
  // below this, vLLM too takes the best token
  if (sampling.temperature !== undefined && sampling.temperature < 1e-5) sampling.temperature = 0;
  try {
    checkSampling(sampling, vocabSize);
  } catch (error) {
    const { message } = error as Error, name = /^Cannot sample with (\w+)/.exec(message)?.[1] ?? null;
    const field = name === "stop_ids" ? "stop_token_ids" : name;
    throw badRequest(message.replace(`with ${name}`, `with ${field}`), field);
  }
  return sampling;
}

/** Seeds of requests may be negative; those of the generator are in [0, 2^53), with room for `n`. */
function seedOf(seed: number | null | undefined): number {
  const range = 2 ** 52;
  if (seed != null) return ((seed % range) + range) % range;
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 20) * 2 ** 32 + low;
}
