/**
 * Checks of keys that say which rows are trained on, and what of them is learnt.
 * @module
 */
import { probabilityFault } from "../../data/sets/mix.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";
import type { Refuse } from "./refuse.ts";

/** Sets, evaluation data, streams, mixing, masks. */
export function checkData(c: TrainConfig, refuse: Refuse): void {
  checkSets(c, refuse);
  checkEvaluation(c, refuse);
  if (c.streaming) checkStream(c, refuse);
  checkMasks(c, refuse);
  checkMixing(c, refuse);
}

function checkSets(c: TrainConfig, refuse: Refuse): void {
  refuse(
    !c.do_train && !c.do_predict && !c.do_eval && !c.predict_with_generate,
    "do_train",
    "Cannot run as do_train isn't true: set do_train: true (a finished model answers its evaluation rows with do_predict: true, has its loss on them " +
      "with do_eval: true, and is judged by deno task eval)",
  );
  refuse(
    c.do_train && c.dataset.length === 0,
    "dataset",
    "Cannot train as dataset is needed: name sets of dataset_info.json",
  );
  refuse(
    c.template === null && c.stage !== "pt",
    "template",
    "Cannot train as template is needed: name one (deno task plugins lists them), or auto for the model's own",
  );
}

function checkEvaluation(c: TrainConfig, refuse: Refuse): void {
  refuse(
    c.do_eval && c.eval_dataset.length === 0 && c.val_size <= 0,
    c.eval_strategy !== "no" ? "eval_strategy" : "do_eval",
    "Cannot evaluate as there is no evaluation data: give eval_dataset or val_size",
  );
  refuse(
    c.eval_dataset.length > 0 && c.val_size > 0,
    "val_size",
    `Cannot use val_size: ${c.val_size} with eval_dataset as evaluation data would come from both: remove one of them`,
  );
  refuse(
    c.val_size > 0 && c.dataset.length === 0,
    "val_size",
    "Cannot use val_size without dataset as there is nothing to hold out from",
  );
  refuse(
    c.val_size > 1 && !Number.isInteger(c.val_size),
    "val_size",
    `Cannot hold out ${c.val_size} rows as a whole number is needed from 1 on, or a share below 1`,
  );
}

function checkStream(c: TrainConfig, refuse: Refuse): void {
  const sets = c.dataset.length;
  refuse(
    c.max_steps <= 0,
    "streaming",
    "Cannot stream without max_steps as the number of rows isn't known: set max_steps",
  );
  refuse(
    c.max_samples !== null,
    "max_samples",
    "Cannot use max_samples with streaming: remove one of them",
  );
  refuse(
    c.val_size > 0 && c.val_size < 1,
    "val_size",
    "Cannot hold out a share of a stream as its length isn't known: give a number of rows",
  );
  refuse(
    sets > 1 && c.mix_strategy !== "concat",
    "mix_strategy",
    `Cannot stream ${sets} sets with mix_strategy: ${c.mix_strategy}: use concat, or leave streaming out`,
  );
}

function checkMasks(c: TrainConfig, refuse: Refuse): void {
  const sft = c.stage === "sft";
  refuse(
    c.train_on_prompt && !sft,
    "train_on_prompt",
    `Cannot use train_on_prompt in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.mask_history && !sft,
    "mask_history",
    `Cannot use mask_history in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.neat_packing && !sft,
    "neat_packing",
    `Cannot use neat_packing in stage ${c.stage}: it is for sft`,
  );
  refuse(
    c.train_on_prompt && c.mask_history,
    "mask_history",
    "Cannot use mask_history with train_on_prompt: remove one of them",
  );
}

function checkMixing(c: TrainConfig, refuse: Refuse): void {
  const probs = c.interleave_probs, sets = c.dataset.length;
  if (probs === null) return;
  refuse(
    c.mix_strategy === "concat",
    "interleave_probs",
    "Cannot use interleave_probs with mix_strategy: concat: set mix_strategy: interleave_under or another",
  );
  refuse(
    c.mix_strategy !== "concat" && probs.length !== sets,
    "interleave_probs",
    `Cannot mix ${sets} sets with ${probs.length} interleave_probs: give one a set`,
  );
  const fault = probabilityFault(probs);
  refuse(fault !== null, "interleave_probs", `Cannot use interleave_probs: ${fault}`);
}
