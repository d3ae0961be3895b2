/**
 * The one table of every key that a training file may have: all 365 of LLaMA-Factory 0.9.5 and our own. The validator,
 * `--help`, `--schema` and docs/config.md are made from it.
 * @module
 */
import { ignoredKeys } from "./ignored_keys.ts";
import type { KeyGroup, KeySpec } from "./key.ts";
import { refusedKeys } from "./refused_keys.ts";
import { workingKeys } from "./working_keys.ts";

/** Headings of the groups, in the order in which they are shown. */
export const GROUP_TITLES: Readonly<Record<KeyGroup, string>> = {
  model: "Model",
  data: "Data",
  training: "Run (transformers' training arguments)",
  finetuning: "Method",
  generating: "Generating",
  own: "Our own",
};

/** Keys of older versions and other programs, and what they are called now. */
export const OLD_NAMES: Readonly<Record<string, string>> = {
  evaluation_strategy: "eval_strategy",
  iopo_beta: "pref_beta",
  dpo_beta: "pref_beta",
  dpo_loss: "pref_loss",
  dpo_ftx: "pref_ftx",
  orpo_beta: "pref_beta",
  beta: "pref_beta",
  cutoff_length: "cutoff_len",
  max_seq_length: "cutoff_len",
  max_length_cutoff: "cutoff_len",
  model: "model_name_or_path",
  adapter: "adapter_name_or_path",
  lr: "learning_rate",
  epochs: "num_train_epochs",
  batch_size: "per_device_train_batch_size",
  lora_r: "lora_rank",
  lora_target_modules: "lora_target",
  new_special_tokens: "add_special_tokens",
  val_set_size: "val_size",
  reserved_label_len: "truncation",
};

/** Every key, in the order in which it is shown. */
export function keyTable(): ReadonlyMap<string, KeySpec> {
  const all: Record<string, KeySpec> = { ...workingKeys(), ...ignoredKeys(), ...refusedKeys() };
  const groups = Object.keys(GROUP_TITLES);
  const states = ["works", "ignored", "refused"];
  return new Map(
    Object.entries(all).sort(([, a], [, b]) =>
      groups.indexOf(a.group) - groups.indexOf(b.group) || states.indexOf(a.state) - states.indexOf(b.state)
    ),
  );
}
