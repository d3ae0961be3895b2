/**
 * Predictions behind training: what a run has trained answers its evaluation rows, as LLaMA-Factory does with do_train and do_predict.
 * @module
 */
import { join } from "@std/path";

import { exists } from "../../../formats/exists.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { PREDICTIONS } from "./files.ts";
import { predict, predictedText, type Predicting, type PredictionResult } from "./predict.ts";

/** The configuration with which what lies in `output_dir` predicts. */
export function configOfTrained(config: TrainConfig): TrainConfig {
  const { output_dir: directory } = config;
  return {
    ...config,
    ...config.finetuning_type === "lora"
      ? { adapter_name_or_path: [directory] }
      : { model_name_or_path: directory, adapter_name_or_path: [] },
    do_train: false,
    do_eval: false,
    create_new_adapter: false,
    overwrite_output_dir: true,
    // of these only training knows; what it saved has them in it
    train_from_scratch: false,
    rope_scaling: null,
    loss: null,
    loss_options: {},
  };
}

/** True if a finished run of this configuration lacks its answers, as it was stopped before they were whole. */
export function lacksAnswers(
  { do_predict, output_dir }: Pick<TrainConfig, "do_predict" | "output_dir">,
): boolean {
  return do_predict && !exists(join(output_dir, PREDICTIONS));
}

/** Answers the evaluation rows by what a finished run has trained, and says the scores. @throws {RangeError} As {@linkcode predict} does */
export async function predictTrained(config: TrainConfig, predicting: Predicting): Promise<PredictionResult> {
  const predicted = await predict(configOfTrained(config), predicting);
  predicting.say(predictedText(config.output_dir, predicted));
  return predicted;
}
