/**
 * Keys of stage grpo, with the defaults of TRL 1.16.0's GRPOConfig, and its names but for grpo_beta and grpo_loss_type, whose own mean other things in its other trainers.
 * @module
 */
import { bool, int, map, names, num, numbers, oneOf, orNull } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function rolloutKeys() {
  const row = keyRows("own");
  return {
    reward_funcs: row(
      names(),
      ["rules"],
      "stage grpo: what rewards answers, names of judges: JUDGE rewards by the share of constraints that it finds kept, JUDGE:overall by its verdict on the whole answer",
    ),
    reward_weights: row(orNull(numbers()), null, "stage grpo: weight of each of reward_funcs in the reward", {
      derived: "1 each",
    }),
    reward_options: row(map(), {}, "stage grpo: options of reward_funcs' judges, by their names"),
    num_generations: row(
      int(2, 128),
      8,
      "stage grpo: answers of a group, which are drawn to one prompt; per_device_train_batch_size counts answers, and times gradient_accumulation_steps it is so many " +
        "times the prompts of a step, as in TRL",
    ),
    num_iterations: row(int(1), 1, "stage grpo: only 1: each answer is learnt from once"),
    grpo_beta: row(
      num({ min: 0 }),
      0,
      "stage grpo: weight of the divergence from the model without the adapter; 0: it isn't computed",
    ),
    epsilon: row(num({ min: 0 }), 0.2, "stage grpo: how far below 1 a ratio of probabilities still teaches"),
    epsilon_high: row(
      orNull(num({ min: 0 })),
      null,
      "stage grpo: how far above 1 a ratio of probabilities still teaches",
      { derived: "epsilon" },
    ),
    grpo_loss_type: row(
      oneOf(["grpo", "dr_grpo", "bnpo", "dapo"]),
      "dapo",
      "stage grpo: how tokens' losses are summed up: grpo by the mean in each answer, bnpo over a micro-batch's tokens, dapo over the step's, dr_grpo over answers times " +
        "max_new_tokens",
    ),
    scale_rewards: row(
      oneOf(["group", "batch", "none"]),
      "group",
      "stage grpo: what divides a reward less its group's mean: the deviation of the group, that of the step, or nothing",
    ),
    mask_truncated_completions: row(
      bool(),
      false,
      "stage grpo: answers that were cut at max_new_tokens are rewarded, and not learnt from",
    ),
    log_completions: row(
      bool(),
      true,
      "stage grpo: write the answers of steps that are logged, with their rewards, as completions/completions_STEP.jsonl (TRL's default is false)",
    ),
  };
}
