/**
 * Facts of a request collected while it is answered, for log and counters.
 * @module
 */

/** One request as a log tells of it: no contents. */
export interface Told {
  /** The model's name. */
  model?: string;
  /** Number of tokens of the prompt. */
  promptTokens?: number;
  /** Tokens of all answers. */
  completionTokens?: number;
  /** Why an answer isn't whole, or how it ended. */
  finish?: string;
}
