/**
 * Keys about what a run does, and where it writes.
 * @module
 */
import { z } from "zod";

import { REQUIRED } from "../key.ts";
import { bool, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function workKeys() {
  const row = keyRows("training");
  return {
    output_dir: row(text(), REQUIRED, "folder for everything that the run writes"),
    overwrite_output_dir: row(
      bool(),
      false,
      "start again in a folder that isn't empty: what the old run wrote goes",
    ),
    do_train: row(bool(), false, "train; this, do_predict or do_eval must be true"),
    do_predict: row(
      bool(),
      false,
      "stage sft: answers to the evaluation rows, beside those of the data, as generated_predictions.jsonl; BLEU-4 and ROUGE as predict_results.json; " +
        "stage rm: rewards of their answers, as chosen and rejected, with loss and accuracy; with do_train by what was trained, else by the model and adapter that are named",
    ),
    predict_with_generate: row(
      bool(),
      false,
      "needed by do_predict, as in LLaMA-Factory; evaluations give losses with it too",
    ),
    do_eval: row(
      bool(),
      false,
      "evaluate at the end; without do_train the model and adapter that are named, as eval_results.json (stages with a reference: beside ref_model)",
      { derived: "true when eval_strategy isn't no" },
    ),
    resume_from_checkpoint: row(
      orNull({
        kind: "boolean",
        values: ["auto"],
        words: "true, false, auto or a checkpoint folder",
        schema: z.union([z.boolean(), z.string().min(1)]),
      }),
      null,
      "true continues from the last checkpoint in output_dir, auto only if there is one (as LLaMA-Factory does), a path from that one",
    ),
  };
}
