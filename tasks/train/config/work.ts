/**
 * What a configuration asks for.
 * @module
 */
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** Training (with whatever follows it), or what is asked of a finished model: answers to the evaluation rows, or losses on them. */
export type Work = "training" | "predictions" | "evaluation";

/** The work of a configuration; one of its three keys is true. */
export function workAsked({ do_train, do_predict }: Pick<TrainConfig, "do_train" | "do_predict">): Work {
  if (do_train) return "training";
  return do_predict ? "predictions" : "evaluation";
}

/** What predictions of a stage are, in words. */
export function predictionsName({ stage }: Pick<TrainConfig, "stage">): "answers" | "rewards" {
  return stage === "rm" ? "rewards" : "answers";
}
