/**
 * Counts of a run's items: answered, judged, unscored, from the cache, with tokens and costs.
 * @module
 */
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import type { AnswerState, JudgementState } from "../store/item_store.ts";
import { type ReasonCount, ReasonCounts } from "./reason_counts.ts";
import type { StoredItem } from "../store/stored.ts";
import { costOf } from "../../ask/usage.ts";

/** Counts of items and constraints. */
export interface Counts {
  /** Number of items of the run. */
  items: number;
  /** With an answer or another lasting outcome. */
  answered: number;
  /** Answers cut at max_tokens. */
  truncated: number;
  /** Answers without any text. */
  empty: number;
  /** Answers before which the model thought, and thoughts without an answer; thoughts are set apart and not scored. */
  thoughts: number;
  /** Thoughts without an answer: cut at max_tokens or never closed, unscored. */
  thought_only: number;
  /** Prompts or answers that a policy of the server held back: no answer, unscored. */
  content_filter: number;
  /** Prompts longer than the model's context: no answer, unscored. */
  context_length: number;
  /** Without an answer: to be asked when the run continues. */
  unanswered: number;
  /** With a judgement. */
  judged: number;
  /** Answered, but not judged yet. */
  unjudged: number;
  /** Constraints of all items. */
  constraints: number;
  /** Constraints without a score, of judged answers. */
  unscored: number;
  /** Constraints of items without a judgement: unscored too, beside these. */
  unjudged_constraints: number;
  /** Numbers of judges' texts read completely, partly, not at all; 0 without judge models. */
  readings: { complete: number; partial: number; none: number };
  /** Reasons of unscored constraints, each as it was first met, with their numbers, most frequent first. */
  reasons: ReasonCount[];
}

/** Tokens and costs of all answers and judgements that are stored, whenever they were made. */
export interface Totals {
  /** Of the model's prompts. */
  promptTokens: number;
  /** Of the model's answers. */
  completionTokens: number;
  /** Of the judge's prompts. */
  judgePromptTokens: number;
  /** Of the judge's answers. */
  judgeCompletionTokens: number;
  /** By the endpoints' prices. */
  cost: number;
  /** Answers and judgements whose tokens are estimated from characters, as the server gave no counts. */
  estimated: number;
}

/** Counts of a run's answers from the response cache. */
export interface FromCache {
  /** Answers of the model under test. */
  answers: number;
  /** Judgements with an answer of the judge from the cache. */
  judgements: number;
  /** When the oldest of these was made, ISO 8601; null without any. */
  oldest: string | null;
  /** When the newest of these was made, ISO 8601; null without any. */
  newest: string | null;
}

/** Prices of a million tokens. */
export interface Prices {
  /** Of the model under test. */
  model: Endpoint["prices"];
  /** Of the judge. */
  judge: Endpoint["prices"];
}

const MOST_REASONS = 50;

/** See the module's text. */
export class Tally {
  readonly #prices: Prices;
  readonly #reasons = new ReasonCounts();
  readonly #counts: Omit<Counts, "reasons"> = {
    items: 0,
    answered: 0,
    truncated: 0,
    empty: 0,
    thoughts: 0,
    thought_only: 0,
    content_filter: 0,
    context_length: 0,
    unanswered: 0,
    judged: 0,
    unjudged: 0,
    constraints: 0,
    unscored: 0,
    unjudged_constraints: 0,
    readings: { complete: 0, partial: 0, none: 0 },
  };
  /** See {@linkcode Totals}. */
  readonly totals: Totals = {
    promptTokens: 0,
    completionTokens: 0,
    judgePromptTokens: 0,
    judgeCompletionTokens: 0,
    cost: 0,
    estimated: 0,
  };
  /** See {@linkcode FromCache}. */
  readonly cached: FromCache = { answers: 0, judgements: 0, oldest: null, newest: null };
  /** Numbers of answers by the name that the server gave to the model, where it isn't the one asked for. */
  readonly answeredBy: Record<string, number> = {};

  /**
   * Nothing counted yet.
   * @param prices For costs
   */
  constructor(prices: Prices) {
    this.#prices = prices;
  }

  /** Adds one item. */
  add({ item, answer, response, judged }: StoredItem): void {
    this.#counts.items++;
    this.#counts.constraints += item.constraints.length;
    if (answer === null) this.#counts.unanswered++;
    else this.#addAnswer(answer, response);
    if (judged?.judgement) this.#addJudgement(judged, judged.judgement);
    else {
      this.#counts.unjudged_constraints += item.constraints.length;
      const { error } = judged ?? {};
      if (error !== undefined) {
        for (const _ of item.constraints) this.#reasons.add(`the judge couldn't be asked: ${error}`);
      }
    }
    if (response !== null && !judged?.judgement) this.#counts.unjudged++;
  }

  #addAnswer({ completion, cached, made }: AnswerState, response: string | null): void {
    this.#counts.answered++;
    if (completion.outcome === "length") this.#counts.truncated++;
    if (completion.thought !== undefined) this.#counts.thoughts++;
    if (completion.outcome === "thought_only") this.#counts.thought_only++;
    if (completion.outcome === "content_filter") this.#counts.content_filter++;
    if (completion.estimated) this.totals.estimated++;
    const { answeredBy } = completion;
    if (answeredBy !== undefined) this.answeredBy[answeredBy] = (this.answeredBy[answeredBy] ?? 0) + 1;
    if (completion.outcome === "context_length") this.#counts.context_length++;
    if (response !== null && response.trim() === "") this.#counts.empty++;
    this.totals.promptTokens += completion.promptTokens;
    this.totals.completionTokens += completion.completionTokens;
    this.totals.cost += costOf(completion, this.#prices.model);
    if (cached) this.#addCached("answers", made);
  }

  #addJudgement(state: Omit<JudgementState, "stage">, judgement: Judgement): void {
    this.#counts.judged++;
    if (judgement.reading !== undefined) this.#counts.readings[judgement.reading]++;
    for (const verdict of judgement.constraints) {
      if (verdict.score !== null) continue;
      this.#counts.unscored++;
      this.#reasons.add(verdict.reason);
    }
    if (state.estimated) this.totals.estimated++;
    this.totals.judgePromptTokens += state.promptTokens;
    this.totals.judgeCompletionTokens += state.completionTokens;
    this.totals.cost += costOf(state, this.#prices.judge);
    if ((state.cached ?? 0) > 0) this.#addCached("judgements", state.made);
  }

  #addCached(what: "answers" | "judgements", made: string | undefined): void {
    const { cached } = this;
    cached[what]++;
    if (made === undefined) return;
    if (cached.oldest === null || made < cached.oldest) cached.oldest = made;
    if (cached.newest === null || made > cached.newest) cached.newest = made;
  }

  /** The counts so far. */
  counts(): Counts {
    return { ...this.#counts, reasons: this.#reasons.most(MOST_REASONS) };
  }
}
