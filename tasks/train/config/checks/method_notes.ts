/**
 * Remarks on keys that don't do here what one may expect of them: elsewhere, or beside another key.
 * @module
 */
import { isWithin } from "../../../../formats/is_within.ts";
import type { TrainConfig } from "../../../../plugins/kinds/train_config.ts";

/** Packing here and in LLaMA-Factory. */
export function packingNotes({ packing, neat_packing, stage }: TrainConfig): string[] {
  if (!packing) return [];
  if (stage !== "pt" && stage !== "sft") {
    return [`packing: not used in stage ${stage}, there as in LLaMA-Factory; nothing is ever padded here`];
  }
  if (neat_packing || stage === "pt") return [];
  return [
    "packing: examples that share a row don't see each other here, as with neat_packing: true; in LLaMA-Factory an " +
    "example attends to those before it in its row, which teaches answers to unrelated texts",
  ];
}

/** Schedule, resuming, loss and learning rate. */
export function methodNotes(c: TrainConfig): string[] {
  const notes: string[] = [];
  if (c.lr_scheduler_type === "inverse_sqrt" && "timescale" in c.lr_scheduler_kwargs) {
    notes.push(
      "lr_scheduler_kwargs timescale: not used, as in transformers 4 (5 uses it); the warm-up steps (10000 without warm-up) are the timescale",
    );
  }
  if (c.overwrite_output_dir) notes.push(...overwriteNotes(c));
  if (c.stage === "dpo" && c.llamafactory_version === null && ["hinge", "ipo"].includes(c.pref_loss)) {
    notes.push(
      `pref_loss: ${c.pref_loss} is what its paper says; LLaMA-Factory 0.9.5 trains the sigmoid under that name ` +
        "(llamafactory_version: 0.9.5 repeats it)",
    );
  }
  if (c.do_train && c.do_predict && c.do_eval && c.stage !== "rm") {
    notes.push(
      "predict_with_generate: answers are generated behind training alone; evaluations give losses, where LLaMA-Factory's generate too",
    );
  }
  if (c.learning_rate === 0) {
    notes.push("learning_rate: 0 changes no weight: the run computes and saves, and learns nothing");
  }
  return notes;
}

/** `overwrite_output_dir` beside a checkpoint to continue from: one of another folder leaves it its work. */
function overwriteNotes(
  { resume_from_checkpoint: resume, output_dir }: Pick<TrainConfig, "resume_from_checkpoint" | "output_dir">,
): string[] {
  if (resume === "auto") {
    return [
      "overwrite_output_dir: only used where output_dir has no checkpoint, from which resume_from_checkpoint: auto would continue",
    ];
  }
  if (!resume || (typeof resume === "string" && !isWithin(resume, output_dir))) return [];
  return ["overwrite_output_dir: not used, as resume_from_checkpoint continues with what is in output_dir"];
}

/** Default that differs from LLaMA-Factory's and changes what is trained. */
export function defaultNotes(given: ReadonlyMap<string, unknown>): string[] {
  if (given.has("split_special_tokens")) return [];
  return [
    "split_special_tokens: true here by default, so text in the data that looks like a special token stays text " +
    "(LLaMA-Factory's default makes it that token)",
  ];
}
