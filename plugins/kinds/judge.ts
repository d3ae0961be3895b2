/**
 * Judges: give a verdict on a response, constraint by constraint.
 * @module
 */
import type { BenchmarkItem, JudgeProtocol } from "./benchmark.ts";
import type { Completion, CompletionRequest, Endpoint } from "./endpoint.ts";
import type { Constraint, JudgeResult } from "./judgement.ts";

/** One response as a judge sees it. */
export interface JudgeRequest {
  /** Id of the item. */
  id: string;
  /** Messages of the prompt. */
  prompt: string;
  /** Text of the answer to judge, without thoughts. */
  response: string;
  /** The constraints to judge, in order. */
  constraints: Constraint[];
  /** The whole item, for judges that ask a model. */
  item?: BenchmarkItem;
  /** The benchmark's protocol of asking a judge model. */
  protocol?: JudgeProtocol;
  /** Asks a model through the run's cache, retries and budget; absent: judges ask their endpoint themselves, once. */
  ask?: Ask;
  /** To be told of an answer that isn't a whole verdict, so that it isn't kept for another run. */
  unread?: (endpoint: Endpoint, request: CompletionRequest, round: number) => void;
}

/**
 * Asks an endpoint.
 * @param round Counts from 0; the same request in another round is another request, not the cached answer.
 */
export type Ask = (
  endpoint: Endpoint,
  request: CompletionRequest,
  round: number,
  signal: AbortSignal,
) => Promise<Completion>;

/** A judge as a configuration names it. */
export interface JudgeSpec {
  /** Name of a judge plugin, or of an endpoint plugin: then a model behind it judges. */
  type: string;
  /** Options of the plugin, as written. */
  args?: Record<string, unknown> | undefined;
  /** Sampling, for judges that ask a model. */
  run_args?: Record<string, unknown> | undefined;
}

/** Thrown when a judge could not be asked at all: the item stays unjudged, and a later run asks again. */
export class JudgeUnreachable extends Error {
  /** Reply of the endpoint. */
  readonly completion: Completion;
  /** Makes the error of one completion. */
  constructor(completion: Completion) {
    super(completion.error ?? "the judge gave no answer");
    this.name = "JudgeUnreachable";
    this.completion = completion;
  }
}

/** The product of a judge plugin. */
export interface Judge {
  /** Scores run from 0 to this; null: to what the benchmark's protocol says. */
  scale: number | null;
  /** Judges one response. */
  judge(request: JudgeRequest, signal: AbortSignal): Promise<JudgeResult>;
  /** Whom it asks, if anyone; closed by the run. */
  endpoints?: readonly Endpoint[];
  /** Named in reports, such as the judge model; default: the plugin's name. */
  title?: string;
  /** Further settings that decide about verdicts, for keys of stored verdicts. */
  identity?: Readonly<Record<string, unknown>>;
}
