/**
 * Keys about evaluations during training, and what follows from them: the best checkpoint, stopping early.
 * @module
 */
import { bool, int, num, oneOf, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function evaluationKeys() {
  const row = keyRows("training");
  const method = keyRows("finetuning");
  return {
    eval_strategy: row(oneOf(["no", "steps", "epoch"]), "no", "when to evaluate"),
    eval_steps: row(
      orNull(num({ above: 0 })),
      null,
      "steps between evaluations; below 1 a share of all steps",
      {
        derived: "logging_steps",
      },
    ),
    eval_delay: row(
      num({ min: 0 }),
      0,
      "steps (or epochs, as eval_strategy says) before the first evaluation",
    ),
    eval_on_start: row(bool(), false, "evaluate before the first step"),
    per_device_eval_batch_size: row(int(1), 8, "examples of one evaluation batch"),
    load_best_model_at_end: row(bool(), false, "end with the best checkpoint, not the last"),
    metric_for_best_model: row(orNull(text()), null, "log key that says which checkpoint is best", {
      derived: "eval_loss when load_best_model_at_end, early_stopping_steps or save_strategy: best need one",
    }),
    greater_is_better: row(orNull(bool()), null, "whether a higher metric is better", {
      derived: "false for a metric that ends in loss, else true",
    }),
    early_stopping_steps: method(orNull(int(1)), null, "evaluations without a gain before stopping"),
    compute_accuracy: method(
      bool(),
      false,
      "stage sft: evaluations give eval_accuracy, the share of an answer's tokens that the model finds likeliest, as a mean over examples",
    ),
  };
}
