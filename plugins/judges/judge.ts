/**
 * Judges: give a verdict on a response, constraint by constraint.
 * @module
 */

/** A score, or null with the reason why there is none (an unscored item is never a zero). */
export type Verdict = { score: number; reason?: string } | { score: null; reason: string };

/** What a judge sees of one response. */
export interface JudgeRequest {
  /** Id of the item. */
  id: string;
  /** What was asked. */
  prompt: string;
  /** What was answered. */
  response: string;
  /** The constraints to judge; `rule` is data for a rule judge (an id and its arguments). */
  constraints: { text: string; rule?: { id: string; kwargs: Record<string, unknown> } }[];
}

/** What a judge says of one response. */
export interface JudgeResult {
  /** One verdict a constraint, in order. */
  constraints: Verdict[];
  /** Verdict on the whole response. */
  overall: Verdict;
  /** The judge's own text, for the report; "" for rules. */
  raw: string;
}

/** The product of a judge plugin. */
export interface Judge {
  /** Scores run from 0 to this. */
  scale: number;
  /** Judges one response. */
  judge(request: JudgeRequest, signal: AbortSignal): Promise<JudgeResult>;
}
