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

/** True if every piece of a stream tells the tokens so far (vLLM: continuous_usage_stats), and the last one all of them. */
export function usageWanted(
  { stream_options }: { stream_options?: StreamOptions | null | undefined },
): { atEnd: boolean; always: boolean } {
  const atEnd = stream_options?.include_usage === true;
  return { atEnd, always: atEnd && stream_options?.continuous_usage_stats === true };
}

interface StreamOptions {
  include_usage?: boolean | null | undefined;
  continuous_usage_stats?: boolean | null | undefined;
}

/** The field `usage` of a piece of a stream, of an answer that has so many tokens; null until the end where it is told there. */
export function usageSoFar(
  request: Parameters<typeof usageWanted>[0],
  prompt_tokens: number,
  completion_tokens: number,
): { usage?: Omit<TokenUsage, "prompt_tokens_details"> | null } {
  const { atEnd, always } = usageWanted(request);
  if (!always) return atEnd ? { usage: null } : {};
  return { usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens } };
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
