/**
 * What is known of a request while it is answered, for log and counts.
 * @module
 */

/** One request as a log tells of it: no contents. */
export interface Told {
  /** The model's name. */
  model?: string;
  /** Tokens. */
  promptTokens?: number;
  /** Tokens of all answers. */
  completionTokens?: number;
  /** Why an answer isn't whole, or how it ended. */
  finish?: string;
}
