/**
 * Plan of a run, before it asks: items, requests, tokens, cost and time, and one real request to each endpoint.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import { estimatePrompt } from "../../../plugins/endpoints/token_estimate.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import { samplingOf } from "../../../plugins/kinds/sampling.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { cachedAnswers } from "../asking/cache_notes.ts";
import type { EvalConfig } from "../config/config.ts";
import { ItemStore } from "../store/item_store.ts";
import { type BenchmarkPart, makeBenchmark, makeJudge, makeModel } from "../parts.ts";
import { openCache } from "../../ask/response_cache.ts";
import { readEvalRunYaml } from "../config/run_yaml.ts";
import { answerKey, judgementKey, responseOf } from "../store/stored.ts";
import { surveyItems } from "./survey.ts";

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

/** Plan of a run. */
export interface RunPlan {
  /** Rows of the benchmark that are used. */
  items: number;
  /** Constraints of these. */
  constraints: number;
  /** Scores, the headline first, with their largest values. */
  scores: Record<string, number>;
  /** Items that are answered in the run directory. */
  answered: number;
  /** Answers that the response cache has. */
  cached: number;
  /** Whom the run would ask; none where rules decide about recorded answers. */
  endpoints: EndpointPlan[];
  /** Things that couldn't be found out, such as of a model on a hub that can't be reached. */
  notes: string[];
  /** Seconds that asking takes at most, with the speed that `basis` names. */
  seconds: number | null;
  /** Where the speed is from. */
  basis: string;
}

/** Tokens a second of one request, where nothing is measured. */
const ASSUMED_SPEED = 50;
/** Longest answer to a ping. */
const PING_TOKENS = 16;

/**
 * Makes everything that a run is made of and reads every row, but asks nothing unless `ping`.
 * @param ping True if each endpoint gets one real request
 * @throws {RangeError} If a plugin, an option, a file, an address, a key or a threshold is missing or wrong
 * @throws {SyntaxError} If a row can't be read
 */
export async function planRun(
  config: EvalConfig,
  registry: Registry,
  placeOf: PlaceOf,
  { ping = false, fresh = false }: { ping?: boolean; fresh?: boolean } = {},
): Promise<RunPlan> {
  const part = makeBenchmark(config, registry, placeOf);
  const notes: string[] = [];
  const unreachable = (message: string) => {
    notes.push(
      `${message}. Answers that earlier runs of it left aren't counted here, and the run itself needs it`,
    );
  };
  const model = await makeModel(config.model, registry, { placeOf, unreachable });
  const { judge, key: judgeKey } = await makeJudge(config, registry, part, { placeOf, unreachable });
  const judges = judge?.endpoints ?? [];
  try {
    using store = storeOf(config);
    using cache = openCache(config, fresh || config.overwrite, { make: false });
    const { max_tokens } = samplingOf(config.model.run_args);
    const has = (id: string, key: string) => store?.has("generate", id, key) ?? false;
    const open = cachedAnswers(cache, model, config, { has });
    const sums = { constraints: 0, prompts: 0, promptTokens: 0, judgeTokens: 0, toJudge: 0 };
    const survey = await surveyItems(config, part, placeOf, (item) => {
      sums.constraints += item.constraints.length;
      const missing = open.missing();
      open.see(item);
      if (open.missing() > missing) sums.promptTokens += estimatePrompt(item.messages);
      if (judges.length > 0) {
        const answer = has(item.id, answerKey(model.key, item)) ? store?.answer(item.id) : undefined;
        const response = answer === undefined ? null : responseOf(answer);
        if (response !== null && store?.has("judge", item.id, judgementKey(judgeKey, item, response))) return;
        sums.toJudge++;
        sums.judgeTokens += judgePrompt(part, item, response) + (response === null ? max_tokens ?? 0 : 0);
      }
    });
    const requests = open.missing();
    const plans = [
      ...(model.endpoint.spends === false ? [] : [
        endpointPlan("model", model.endpoint, {
          requests,
          promptTokens: sums.promptTokens,
          limit: max_tokens,
        }),
      ]),
      ...judges.map((endpoint) =>
        endpointPlan("judge", endpoint, {
          requests: sums.toJudge,
          promptTokens: sums.judgeTokens,
          limit: judgeLimit(config),
        })
      ),
    ];
    const endpoints = [...(model.endpoint.spends === false ? [] : [model.endpoint]), ...judges];
    if (ping) {
      for (const [i, plan] of plans.entries()) {
        const endpoint = endpoints[i];
        if (endpoint !== undefined) plan.ping = await pingOf(endpoint);
      }
    }
    const answered = survey.items - open.asked();
    return {
      items: survey.items,
      constraints: sums.constraints,
      scores: Object.fromEntries(survey.scores),
      answered,
      cached: open.asked() - requests,
      endpoints: plans,
      notes,
      ...timeOf(plans, config),
    };
  } finally {
    for (const endpoint of [model.endpoint, ...judges]) await endpoint.close();
  }
}

function storeOf(config: EvalConfig): ItemStore | null {
  if (config.overwrite || readEvalRunYaml(config.out_dir) === null) return null;
  return exists(join(config.out_dir, "items.jsonl"))
    ? new ItemStore(config.out_dir, { readOnly: true })
    : null;
}

function judgePrompt(
  { benchmark: { protocol } }: BenchmarkPart,
  item: BenchmarkItem,
  response: string | null,
): number {
  return protocol === undefined ? 0 : estimatePrompt(protocol.messages(item, response ?? ""));
}

/** `max_tokens` of the judge's sampling; null where it isn't said. */
function judgeLimit({ judge, evaluator_llm }: EvalConfig): number | null {
  const spec = judge ?? (Array.isArray(evaluator_llm) ? evaluator_llm[0] : evaluator_llm);
  const limit = spec?.run_args["max_tokens"];
  return typeof limit === "number" ? limit : limit === undefined ? 2048 : null;
}

function endpointPlan(
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

async function pingOf(endpoint: Endpoint): Promise<Ping> {
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

function timeOf(
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
