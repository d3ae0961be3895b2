/**
 * Counts of tokens, as OpenAI's clients read them.
 * @module
 */
import type { WholeAnswer } from "./answers.ts";

/** Tokens of one request. */
export interface TokenUsage {
  /** Of its prompts, each counted once. */
  prompt_tokens: number;
  /** Of all answers. */
  completion_tokens: number;
  /** Tokens of prompt and answers together. */
  total_tokens: number;
  /** Those of the prompts that were known from another request. */
  prompt_tokens_details: { cached_tokens: number };
}

/** Counts the answers to each prompt. */
export function usageOf(answers: readonly (readonly WholeAnswer[])[]): TokenUsage {
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const prompt_tokens = sum(answers.map(([first]) => first?.promptTokens ?? 0));
  const completion_tokens = sum(answers.flat().map(({ ids }) => ids.length));
  const cached_tokens = sum(answers.map(([first]) => first?.cachedTokens ?? 0));
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens },
  };
}
