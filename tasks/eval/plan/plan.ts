/**
 * Plan of a run, before it asks: items, requests, tokens, cost and time, and one real request to each endpoint.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { cachedAnswers } from "../asking/cache_notes.ts";
import type { EvalConfig } from "../config/config.ts";
import { ItemStore } from "../store/item_store.ts";
import { makeBenchmark, makeJudge, makeModel } from "../parts.ts";
import { openCache } from "../../ask/response_cache.ts";
import { readEvalRunYaml } from "../config/run_yaml.ts";
import { type EndpointPlan, pingOf, timeOf } from "./endpoint_plan.ts";
import { OpenWork } from "./open_work.ts";
import { surveyItems } from "./survey.ts";

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
    const has = (id: string, key: string) => store?.has("generate", id, key) ?? false;
    const open = cachedAnswers(cache, model, config, { has });
    const work = new OpenWork(config, part, {
      store,
      open,
      modelKey: model.key,
      judgeKey,
      isJudged: judges.length > 0,
    });
    const survey = await surveyItems(config, part, placeOf, (item) => work.add(item));
    const endpoints = [
      ...(model.endpoint.spends === false
        ? []
        : [{ endpoint: model.endpoint, plan: work.ofModel(model.endpoint) }]),
      ...judges.map((endpoint) => ({ endpoint, plan: work.ofJudge(endpoint) })),
    ];
    if (ping) { for (const { endpoint, plan } of endpoints) plan.ping = await pingOf(endpoint); }
    const plans = endpoints.map(({ plan }) => plan);
    return {
      items: survey.items,
      constraints: work.constraints,
      scores: Object.fromEntries(survey.scores),
      answered: survey.items - open.asked(),
      cached: open.asked() - open.missing(),
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
