/**
 * Predictions behind training: what a run has trained answers its evaluation rows, as LLaMA-Factory does with do_train and do_predict.
 * @module
 */
import { resolve } from "@std/path";

import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { taskCommand } from "../../common/process/command.ts";
import { predictRewards } from "./rewards.ts";
import { predictionsName } from "../config/mod.ts";
import { type AskingModel, resultText, type WorkResult } from "./rows.ts";

/** The configuration with which what lies in `output_dir` predicts. */
function configOfTrained(config: TrainConfig): TrainConfig {
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
    ...(config.stage !== "rm" && { loss: null, loss_options: {} }),
  };
}

/**
 * Answers the evaluation rows by what a finished run has trained, and says the scores, or how to get them.
 * @throws {RangeError} As {@linkcode predictRewards} and the answering of prompts do, with the command that answers once more
 */
export async function predictTrained(config: TrainConfig, predicting: AskingModel): Promise<WorkResult> {
  const { output_dir: directory } = config;
  const kept = `What was trained is kept. To ${config.stage === "rm" ? "reward" : "answer"} by it:\n  ${
    taskCommand("train", [resolve(directory, "run.yaml")])
  }`;
  try {
    const asked = configOfTrained(config), asking = { ...predicting, isTrained: true };
    const predicted = config.stage === "rm"
      ? await predictRewards(asked, asking)
      : await (await import("./predict.ts")).predict(asked, asking);
    predicting.say(resultText(directory, predicted, `no ${predictionsName(config)} were written`));
    if (predicted.files.length === 0) predicting.say(kept);
    return predicted;
  } catch (error) {
    if (error instanceof Error) error.message += `\n${kept}`;
    throw error;
  }
}
