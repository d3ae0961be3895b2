/**
 * Rewards: numbers for answers that a policy draws while it is trained (stage grpo).
 * @module
 */
import type { BenchmarkItem } from "./benchmark.ts";

/** An answer to reward. */
export interface AnswerToReward {
  /** What was asked, and what the answer is judged by. */
  item: BenchmarkItem;
  /** The answer's text, without thoughts. */
  response: string;
}

/** The rewards of a run. */
export interface Rewards {
  /** As `reward_funcs` has them, each once. */
  names: readonly string[];
  /** Weight of each in an answer's reward. */
  weights: readonly number[];
  /** An answer's rewards in the order of `names`; null: it has none of that name. */
  of(answer: AnswerToReward, signal: AbortSignal): Promise<(number | null)[]>;
}

/** What stage grpo needs beside a loss. */
export interface Rollout {
  /** What rewards answers. */
  rewards: Rewards;
  /** Token ids that end an answer by the template, beside the model's own. */
  endIds: readonly number[];
}
