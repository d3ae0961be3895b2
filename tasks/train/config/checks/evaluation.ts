/**
 * Checks of keys for the evaluation of a finished model: `do_eval` without `do_train`.
 * @module
 */
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import { isWithoutReference } from "../idle_keys.ts";
import type { Refuse } from "./refuse.ts";

/** What is evaluated, by which loss. */
export function checkEvaluationAlone(c: TrainConfig, refuse: Refuse): void {
  if (!c.do_eval || c.do_train || c.do_predict || c.predict_with_generate) return;
  refuse(
    c.loss === null && !isWithoutReference(c) && c.ref_model === null,
    "stage",
    `Cannot evaluate a finished model with stage: ${c.stage} without ref_model as its loss is relative to the model before training, which isn't known ` +
      "any more (LLaMA-Factory takes the model itself, so that nothing has changed): name that one as ref_model, with adapters that it had as " +
      "ref_model_adapters",
  );
  refuse(
    c.loss === null && c.stage === "dpo" && !isWithoutReference(c) && c.pref_bco_weight > 0,
    "pref_bco_weight",
    "Cannot evaluate a finished model with pref_bco_weight as its loss has the mean of rewards that training has seen, which only its checkpoints keep: leave it out, or " +
      "evaluate in training (eval_strategy)",
  );
  refuse(
    c.train_from_scratch,
    "train_from_scratch",
    "Cannot evaluate random weights: leave it out",
  );
  refuse(
    c.rope_scaling !== null,
    "rope_scaling",
    "Cannot evaluate with rope_scaling as the model's config.json says it: leave it out (what was trained with it has it there)",
  );
  refuse(
    c.streaming,
    "streaming",
    "Cannot evaluate a finished model on a stream: leave it out (max_samples takes the first rows)",
  );
}
