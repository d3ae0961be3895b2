/** What a log tells of answers, by hand. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { idsExample } from "../../../../tests/helpers/tiny_model.ts";
import { type Answer, rolloutMetrics } from "./rollout_metrics.ts";

function answer(
  length: number,
  truncated: boolean,
  rewards: (number | null)[],
  reward: number | null,
): Answer {
  return {
    prompt: idsExample({ y: [[1], [2]] }),
    promptIds: [1],
    ids: Array.from({ length }, () => 5),
    text: "",
    task: { id: "a", messages: [], constraints: [], groups: {}, fields: {} },
    rewards,
    reward,
    advantage: 0,
    truncated,
  };
}

Deno.test("a step's log has means and deviations of rewards that are there, and lengths of all answers and of those that ended", () => {
  const found = rolloutMetrics(
    [
      answer(3, false, [1, null], 1),
      answer(5, false, [0, 0.5], 0.5),
      answer(8, true, [null, null], null),
      answer(8, true, [0.5, 1], 1.5),
    ],
    ["rules", "brief"],
    0.25,
  );
  const { reward_std = NaN, "rewards/rules/std": rules = NaN, "rewards/brief/std": brief = NaN, ...rest } =
    found;
  assertEquals(rest, {
    reward: 1,
    frac_reward_zero_std: 0.25,
    "rewards/rules/mean": 0.5,
    "rewards/brief/mean": 0.75,
    "rewards/unscored": 0.25,
    "completions/mean_length": 6,
    "completions/min_length": 3,
    "completions/max_length": 8,
    "completions/clipped_ratio": 0.5,
    "completions/mean_terminated_length": 4,
    "completions/min_terminated_length": 3,
    "completions/max_terminated_length": 5,
  });
  assertAlmostEquals(reward_std, 0.5, 1e-15);
  assertAlmostEquals(rules, 0.5, 1e-15);
  assertAlmostEquals(brief, Math.sqrt(0.125), 1e-15);
});

Deno.test("what a step has none of is left out of its log", () => {
  const found = rolloutMetrics([answer(8, true, [null], null), answer(8, true, [null], null)], ["rules"], 0);
  assertEquals(Object.keys(found), [
    "frac_reward_zero_std",
    "rewards/unscored",
    "completions/mean_length",
    "completions/min_length",
    "completions/max_length",
    "completions/clipped_ratio",
  ]);
});
