/**
 * `items.jsonl` of an evaluation's directory: each item's answer and verdicts.
 * @module
 */
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import type { Completion } from "../../../plugins/kinds/endpoint.ts";
import { LineStore } from "../../ask/line_store.ts";

/** An item's answer. */
export interface AnswerState {
  /** Kind of state, by the step that made it. */
  stage: "generate";
  /** Id of the item. */
  id: string;
  /** Hash of what decided it; with another one the item counts as not answered. */
  key: string;
  /** Reply of the endpoint. */
  completion: Completion;
  /** Milliseconds that it took; 0 for cached answers. */
  ms: number;
  /** True if it came from the cache. */
  cached: boolean;
  /** When it was made, ISO 8601; absent in runs of older versions. */
  made?: string;
}

/** An item's judgement; `unjudged`: the judge couldn't be asked, which takes no earlier verdict away. */
export interface JudgementState<Stage extends "judge" | "unjudged" = "judge"> {
  /** Kind of state, by the step that made it. */
  stage: Stage;
  /** Id of the item. */
  id: string;
  /** Hash of what decided it, the answer included. */
  key: string;
  /** Judgement; null where the judge couldn't be asked. */
  judgement: Judgement | null;
  /** Why there is no judgement. */
  error?: string;
  /** Requests that it took; cached ones not counted. */
  requests: number;
  /** Answers of the judge that came from the cache; absent in runs of older versions. */
  cached?: number;
  /** When the oldest of these was made, ISO 8601. */
  made?: string;
  /** Tokens of these requests and their answers. */
  promptTokens: number;
  /** Tokens of the answers. */
  completionTokens: number;
  /** True: at least one of the counts is estimated from characters. */
  estimated?: boolean;
  /** Milliseconds that it took. */
  ms: number;
}

/** One line. */
export type ItemState = AnswerState | JudgementState | JudgementState<"unjudged">;

/** The file, open for reading and appending; its directory is locked, so that no other process writes to it. */
export class ItemStore extends LineStore<ItemState> {
  /**
   * Opens or makes the file of a run directory.
   * @param options As those of {@linkcode LineStore}
   * @throws {RangeError} If it is missing (to read), or a line in its middle isn't a state
   * @throws {Error} If another process writes to the directory: names it
   */
  constructor(directory: string, options: { readOnly?: boolean; provisional?: boolean } = {}) {
    super(directory, ["generate", "judge", "unjudged"], options);
  }

  /** An item's answer, or undefined when there is none. */
  answer(id: string): AnswerState | undefined {
    return this.find("generate", id);
  }

  /** An item's judgement, or undefined when there is none. */
  judgement(id: string): JudgementState | undefined {
    return this.find("judge", id);
  }

  /** Why an item has no judgement; undefined when no judge was asked about it in vain. */
  unjudged(id: string): JudgementState<"unjudged"> | undefined {
    return this.find("unjudged", id);
  }
}
