/**
 * What a log tells of a step's answers, under TRL 1.16.0's names; `rewards/unscored`, the share of answers without a reward, is our own.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import type { BenchmarkItem } from "../../../kinds/benchmark.ts";
import { deviation, meanOf } from "./advantages.ts";

/** An answer that was drawn and rewarded. */
export interface Answer {
  prompt: EncodedExample;
  promptIds: readonly number[];
  /** With the token that ended it, if one did. */
  ids: readonly number[];
  /** Without that token. */
  text: string;
  task: BenchmarkItem;
  /** By the rewards' names in their order; null: none of that name. */
  rewards: readonly (number | null)[];
  /** Their weighted sum; null without any. */
  reward: number | null;
  advantage: number;
  /** It was cut at max_new_tokens, or because the context was full. */
  truncated: boolean;
}

/** Means, deviations and lengths of a step; what there is none of is left out. */
export function rolloutMetrics(
  answers: readonly Answer[],
  names: readonly string[],
  zeroDeviation: number,
): Record<string, number> {
  const rewards = answers.map(({ reward }) => reward), lengths = answers.map(({ ids }) => ids.length);
  const ended = answers.filter(({ truncated }) => !truncated).map(({ ids }) => ids.length);
  const found: [string, number][] = [
    ["reward", meanOf(rewards)],
    ["reward_std", deviation(rewards)],
    ["frac_reward_zero_std", zeroDeviation],
    ...names.flatMap((name, k): [string, number][] => {
      const own = answers.map((answer) => item(answer.rewards, k));
      return [[`rewards/${name}/mean`, meanOf(own)], [`rewards/${name}/std`, deviation(own)]];
    }),
    ["rewards/unscored", rewards.filter((reward) => reward === null).length / rewards.length],
    ["completions/mean_length", meanOf(lengths)],
    ["completions/min_length", Math.min(...lengths)],
    ["completions/max_length", Math.max(...lengths)],
    ["completions/clipped_ratio", 1 - ended.length / lengths.length],
    ["completions/mean_terminated_length", meanOf(ended)],
    ["completions/min_terminated_length", Math.min(...ended)],
    ["completions/max_terminated_length", Math.max(...ended)],
  ];
  return Object.fromEntries(found.filter(([, value]) => Number.isFinite(value)));
}
