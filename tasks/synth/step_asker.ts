/**
 * Asking for the steps of drafts: what was asked at an earlier start is read from the run's file, everything else goes through the
 * run's cache, retries, limits and budget and is appended to the file as it arrives. So a workflow that is started again takes
 * the same way up to where it was, and nothing is asked twice.
 * @module
 */
import type { Completion, CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import type { Asker } from "../ask/asker.ts";
import type { LineStore } from "../ask/line_store.ts";
import { requestKey } from "../ask/response_cache.ts";
import { costOf } from "../ask/usage.ts";
import type { Draft, SynthStep } from "./draft.ts";

/** An answer that a draft's step got. */
export interface AskLine {
  /** Kind of line. */
  stage: "ask";
  /** `DRAFT/STEP/NUMBER`. */
  id: string;
  /** Hash of model and request. */
  key: string;
  /** The model that answered. */
  model: string;
  /** Outcome and text. */
  completion: Completion;
  /** True if it came from the cache. */
  cached: boolean;
  /** When it was made, ISO 8601. */
  made: string;
  /** Milliseconds that it took; 0 for cached ones. */
  ms: number;
}

/** End of a draft: kept, or dropped at a step. */
export interface EndLine {
  /** Kind of line. */
  stage: "end";
  /** Of the draft. */
  id: string;
  /** Hash of the outcome. */
  key: string;
  /** True if it became a row. */
  kept: boolean;
  /** The step that dropped it; absent when kept. */
  step?: SynthStep;
  /** Reason of the drop; absent when kept. */
  reason?: string;
}

/** A draft that nobody answered, noted once: a later start asks for it again. */
export interface UnansweredLine {
  /** Kind of line. */
  stage: "unanswered";
  /** Of the draft. */
  id: string;
  /** Hash of the error. */
  key: string;
  /** The endpoint's error. */
  error: string;
}

/** Kinds of lines of the file of finished steps. */
export const SYNTH_STAGES: readonly SynthLine["stage"][] = ["ask", "end", "unanswered"];

/** A line of the file of finished steps. */
export type SynthLine = AskLine | EndLine | UnansweredLine;

/** Thrown where nobody answered: the draft is neither kept nor dropped, and a later start asks again. */
export class Unanswered extends Error {
  /** The endpoint's reply, its outcome an error. */
  readonly completion: Completion;
  /** Makes the error of one completion. */
  constructor(completion: Completion) {
    super(completion.error ?? "no answer");
    this.completion = completion;
  }
}

/** Requests, tokens and money of a step, over all starts of the run. */
export interface StepCost {
  /** Answers, those of the cache too. */
  answers: number;
  /** Tokens of requests. */
  promptTokens: number;
  /** Tokens of answers. */
  completionTokens: number;
  /** By the endpoints' prices. */
  cost: number;
}

/** What a request is asked for. */
export interface StepPlace {
  draft: Draft;
  step: SynthStep;
  /** Number of the request within the step, from 0, such as the judge's or the try's; or a name. */
  number: number | string;
  /** As in `requestKey`: the same request in another round is another request. Absent: 0. */
  round?: number;
}

/** See the module's text. */
export class StepAsker {
  readonly #asker: Asker;
  readonly #store: LineStore<SynthLine>;
  readonly #costs = new Map<SynthStep, StepCost>();

  /**
   * Asks nothing yet.
   * @param asker Of this start
   * @param store Of the run
   */
  constructor(asker: Asker, store: LineStore<SynthLine>) {
    this.#asker = asker;
    this.#store = store;
  }

  /**
   * Asks for a step of a draft.
   * @throws {Unanswered} If the endpoint fails after all retries
   * @throws {Stopped} If the run stops before the request is sent
   */
  async ask(
    { draft, step, number, round = 0 }: StepPlace,
    endpoint: Endpoint,
    request: CompletionRequest,
  ): Promise<Completion> {
    const id = `${draft.id}/${step}/${number}`, key = requestKey(endpoint, request, round);
    if (this.#store.has("ask", id, key)) {
      const line = this.#store.find("ask", id);
      if (line !== undefined) return this.#counted(step, endpoint, line);
    }
    const { completion, cached, made, ms } = await this.#asker.ask(endpoint, { ...request, id }, round);
    if (completion.outcome === "error") throw new Unanswered(completion);
    const line: AskLine = {
      stage: "ask",
      id,
      key,
      model: endpoint.model,
      completion,
      cached,
      made,
      ms: Math.round(ms),
    };
    this.#store.append(line);
    return this.#counted(step, endpoint, line);
  }

  /** Costs of each step so far, in the order of the first answers. */
  costs(): ReadonlyMap<SynthStep, StepCost> {
    return this.#costs;
  }

  #counted(step: SynthStep, endpoint: Endpoint, { completion, cached }: AskLine): Completion {
    let sums = this.#costs.get(step);
    if (sums === undefined) {
      this.#costs.set(step, sums = { answers: 0, promptTokens: 0, completionTokens: 0, cost: 0 });
    }
    sums.answers++;
    if (!cached && endpoint.spends !== false) {
      sums.promptTokens += completion.promptTokens;
      sums.completionTokens += completion.completionTokens;
      sums.cost += costOf(completion, endpoint.prices);
    }
    return completion;
  }
}
