/**
 * Keys about answers of `do_predict`.
 * @module
 */
import { bool, int, num } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function generatingKeys() {
  const row = keyRows("generating");
  return {
    do_sample: row(bool(), true, "do_predict: draw the tokens, by seed; false: the likeliest ones"),
    temperature: row(
      num({ min: 0 }),
      0.95,
      "do_predict and stage grpo: temperature of the drawing; 0: the likeliest tokens",
      { derived: "0.95; in stage grpo 1, as in TRL" },
    ),
    top_p: row(
      num({ above: 0, max: 1 }),
      0.7,
      "do_predict and stage grpo: draw among the likeliest tokens that together have this probability",
      { derived: "0.7; in stage grpo 1, as in TRL" },
    ),
    top_k: row(int(0), 50, "do_predict and stage grpo: draw among the likeliest so many tokens; 0: all", {
      derived: "50; in stage grpo 0, as in TRL",
    }),
    num_beams: row(int(1), 1, "do_predict: only 1, there is no beam search here"),
    max_new_tokens: row(int(1), 1024, "do_predict and stage grpo: tokens of an answer at most", {
      derived: "1024; in stage grpo 512, as in TRL",
    }),
    repetition_penalty: row(
      num({ above: 0 }),
      1,
      "do_predict and stage grpo: above 1 tokens that prompt or answer have already are less likely",
    ),
    skip_special_tokens: row(
      bool(),
      true,
      "do_predict: leave special tokens out of predict and label in generated_predictions.jsonl",
    ),
  };
}
