/**
 * What one endpoint would be asked: requests, tokens, cost and time, and one real request to it.
 * @module
 */
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import type { EvalConfig } from "../config/config.ts";

/** Requests that one endpoint would get. */
export interface EndpointPlan {
  /** `model` answers items, `judge` judges answers. */
  role: "model" | "judge";
  /** Name of the model. */
  model: string;
  /** Requests; of a judge, at least. */
  requests: number;
  /** Tokens of the prompts, estimated from characters; of a judge with answers as long as they may be. */
  promptTokens: number;
  /** Tokens of the answers at most; null where nothing limits them. */
  answerTokens: number | null;
  /** By the endpoint's prices: of the prompts, and with the longest answers; null without prices. */
  cost: { least: number; most: number | null } | null;
  /** Result of a real request; null without `--ping`. */
  ping: Ping | null;
}

/** One real request. */
export interface Ping {
  /** As the endpoint gave it. */
  outcome: string;
  /** Reply, or the error. */
  text: string;
  /** Until then. */
  milliseconds: number;
  /** Tokens of the answer. */
  completionTokens: number;
}

/** Tokens a second of one request, where nothing is measured. */
const ASSUMED_SPEED = 50;
/** Longest answer to a ping. */
const PING_TOKENS = 16;

/** The plan of an endpoint. `limit`: tokens of an answer at most; null: nothing limits them. */
export function endpointPlan(
  role: EndpointPlan["role"],
  { model, prices }: Endpoint,
  { requests, promptTokens, limit }: { requests: number; promptTokens: number; limit: number | null },
): EndpointPlan {
  const answerTokens = limit === null ? null : requests * limit;
  const least = prices === undefined ? 0 : promptTokens * prices.input / 1e6;
  // what costs nothing needs no limit
  const priced = prices?.output === 0 ? 0 : answerTokens;
  const most = prices === undefined || priced === null ? null : least + priced * prices.output / 1e6;
  return {
    role,
    model,
    requests,
    promptTokens,
    answerTokens,
    cost: prices === undefined ? null : { least, most },
    ping: null,
  };
}

/** One real request to an endpoint. */
export async function pingOf(endpoint: Endpoint): Promise<Ping> {
  const begun = performance.now();
  const messages = [{ role: "user" as const, content: "Answer with one word: ready" }];
  const request = { messages, temperature: 0, top_p: 1, max_tokens: PING_TOKENS };
  const { outcome, text, error = "", completionTokens } = await endpoint.complete(
    request,
    new AbortController().signal,
  );
  return {
    outcome,
    text: outcome === "error" ? error : text,
    milliseconds: performance.now() - begun,
    completionTokens,
  };
}

/** Time of all plans at most. */
export function timeOf(
  plans: readonly EndpointPlan[],
  config: EvalConfig,
): { seconds: number | null; basis: string } {
  const pinged = plans.filter(({ ping }) => ping !== null && ping.outcome !== "error");
  let seconds: number | null = 0;
  for (const { requests, answerTokens, ping } of plans) {
    if (answerTokens === null) seconds = null;
    if (seconds === null || requests === 0) continue;
    const speed = ping === null || ping.completionTokens === 0
      ? ASSUMED_SPEED
      : 1000 * ping.completionTokens / ping.milliseconds;
    seconds += (answerTokens ?? 0) / speed / Math.min(config.concurrency, requests);
  }
  const speed = pinged.length > 0 ? "the speed of one request" : `${ASSUMED_SPEED} tokens a second a request`;
  return {
    seconds,
    basis: `answers as long as they may be, ${speed}, ${config.concurrency} requests at once`,
  };
}
