/**
 * Checks of keys for predictions: answers to the evaluation rows, of a finished model or of what the run has trained.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Refuse } from "./refuse.ts";

/** What is predicted, by what, and how it is drawn. */
export function checkPrediction(c: TrainConfig, refuse: Refuse): void {
  const predicts = c.do_predict || c.predict_with_generate, rewards = c.stage === "rm";
  refuse(
    c.predict_with_generate && !c.do_predict,
    "predict_with_generate",
    c.do_train
      ? "Cannot train with predict_with_generate and without do_predict as evaluations here give losses: leave it out, or set do_predict: true, " +
        "which answers the evaluation rows behind training"
      : "Cannot use predict_with_generate without do_predict: set do_predict: true",
  );
  refuse(
    c.predict_with_generate && rewards,
    "predict_with_generate",
    "Cannot generate with stage: rm, as in LLaMA-Factory, as a reward model gives numbers: leave it out (do_predict: true writes those of the evaluation rows)",
  );
  refuse(
    c.do_predict && !c.predict_with_generate && !rewards,
    "do_predict",
    "Cannot predict without generating, as in LLaMA-Factory: set predict_with_generate: true",
  );
  if (!predicts) return;
  refuse(
    c.stage !== "sft" && !rewards,
    "predict_with_generate",
    `Cannot predict with stage: ${c.stage} as only rows of stage sft are prompts with one answer: set stage: sft`,
  );
  refuse(
    c.eval_dataset.length === 0 && c.val_size === 0,
    "do_predict",
    "Cannot predict as there is no evaluation data: give eval_dataset or val_size",
  );
  refuse(
    c.compute_accuracy && !rewards,
    "compute_accuracy",
    "Cannot use compute_accuracy with predict_with_generate, as in LLaMA-Factory: leave it out",
  );
  refuse(
    c.eval_on_each_dataset,
    "eval_on_each_dataset",
    "Cannot predict for each data set by itself, as in LLaMA-Factory: leave it out, or predict set by set",
  );
  refuse(
    c.streaming,
    "streaming",
    "Cannot predict from a stream, as in LLaMA-Factory: leave it out (max_samples takes the first rows)",
  );
  refuse(
    c.num_beams > 1 && !rewards,
    "num_beams",
    `Cannot search with num_beams: ${c.num_beams} beams as answers are drawn token by token: leave it out`,
  );
  const adapters = c.adapter_name_or_path.length, isNew = c.do_train && c.create_new_adapter;
  refuse(
    adapters > 1 || (isNew && adapters > 0),
    "adapter_name_or_path",
    "Cannot predict with several adapters: merge them with deno task export, and name the result as model_name_or_path",
  );
  // what is trained has them in what it saves
  if (c.do_train) return;
  refuse(
    c.loss !== null && !rewards,
    "loss",
    "Cannot predict with a loss, which is about training: leave it out",
  );
  refuse(
    c.train_from_scratch,
    "train_from_scratch",
    "Cannot predict with random weights: leave it out",
  );
  refuse(
    c.rope_scaling !== null,
    "rope_scaling",
    "Cannot predict with rope_scaling as the model's config.json says it: leave it out (what was trained with it has it there)",
  );
}
