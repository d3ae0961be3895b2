/**
 * What of a run is still to be asked, counted item by item.
 * @module
 */
import { estimatePrompt } from "../../../plugins/endpoints/token_estimate.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../../plugins/kinds/sampling.ts";
import type { cachedAnswers } from "../asking/cache_notes.ts";
import type { EvalConfig } from "../config/config.ts";
import type { BenchmarkPart } from "../parts.ts";
import type { ItemStore } from "../store/item_store.ts";
import { answerKey, judgementKey, responseOf } from "../store/stored.ts";
import { type EndpointPlan, endpointPlan } from "./endpoint_plan.ts";

/** What an earlier start left, and whom the run would ask. */
export interface WorkPlace {
  /** null: no earlier start. */
  store: ItemStore | null;
  /** Counts the items without an answer. */
  open: ReturnType<typeof cachedAnswers>;
  modelKey: string;
  judgeKey: string;
  /** True if judges are asked. */
  isJudged: boolean;
}

/** Requests and tokens that are still to come. */
export class OpenWork {
  /** Tokens of the model's answer at most; null: nothing limits them. */
  readonly #answerLimit: number | null;
  #constraints = 0;
  readonly #model = { promptTokens: 0 };
  readonly #judge = { requests: 0, promptTokens: 0 };

  constructor(
    private readonly config: EvalConfig,
    private readonly part: BenchmarkPart,
    private readonly place: WorkPlace,
  ) {
    this.#answerLimit = samplingOf(config.model.run_args).max_tokens;
  }

  /** Constraints of all items. */
  get constraints(): number {
    return this.#constraints;
  }

  /** Counts what an item needs. */
  add(item: BenchmarkItem): void {
    const { open, isJudged } = this.place;
    this.#constraints += item.constraints.length;
    const missing = open.missing();
    open.see(item);
    if (open.missing() > missing) this.#model.promptTokens += estimatePrompt(item.messages);
    if (isJudged) this.#addJudgement(item);
  }

  #addJudgement(item: BenchmarkItem): void {
    const { store, modelKey, judgeKey } = this.place;
    const isAnswered = store?.has("generate", item.id, answerKey(modelKey, item)) ?? false;
    const answer = isAnswered ? store?.answer(item.id) : undefined;
    const response = answer === undefined ? null : responseOf(answer);
    if (response !== null && store?.has("judge", item.id, judgementKey(judgeKey, item, response))) return;
    this.#judge.requests++;
    this.#judge.promptTokens += judgePrompt(this.part, item, response) +
      (response === null ? this.#answerLimit ?? 0 : 0);
  }

  /** Of the model that answers. */
  ofModel(endpoint: Endpoint): EndpointPlan {
    const requests = this.place.open.missing();
    return endpointPlan("model", endpoint, { requests, ...this.#model, limit: this.#answerLimit });
  }

  /** Of a judge; each is asked about every answer. */
  ofJudge(endpoint: Endpoint): EndpointPlan {
    return endpointPlan("judge", endpoint, { ...this.#judge, limit: judgeLimit(this.config) });
  }
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
