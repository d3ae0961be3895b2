/**
 * Keys of a training file as `deno task train --help` tells them: the common ones on one screen, one of them, or all.
 * @module
 */
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { shown } from "../../../formats/message.ts";
import { taskHelp } from "../../common/cli/help.ts";
import { helpText, keyLines } from "./describe.ts";
import type { KeySpec } from "./key.ts";
import { keyTable } from "./key_table.ts";
import { otherName } from "./other_names.ts";

/** Keys that most files have, and a few words about each; the table has the whole of it. */
const COMMON: readonly (readonly [keys: string, words: string])[] = [
  ["model_name_or_path", "folder, GGUF file or hub id"],
  ["dataset, dataset_dir, template", "what is learnt, and how it is written"],
  ["stage, pref_loss, pref_beta", "sft, dpo, kto, iopo, pt; loss of dpo, iopo"],
  ["finetuning_type, lora_rank", "lora, full or freeze; rank of adapters"],
  ["cutoff_len, val_size", "tokens of an example; share held out"],
  ["learning_rate, num_train_epochs", "how far a step goes, and how many"],
  ["per_device_train_batch_size", "examples at once ..."],
  ["gradient_accumulation_steps", "... times this many are one step"],
  ["output_dir, save_steps", "folder to write; steps between checkpoints"],
  ["resume_from_checkpoint", "auto continues where a run stopped"],
];

/** Names of the keys that most files have. */
export const COMMON_KEYS: readonly string[] = COMMON.flatMap(([keys]) => keys.split(", "));

/**
 * Text about keys.
 * @param topic "" for the common ones, `all`, or the name of a key
 * @throws {RangeError} If there is no such key; says which is near
 */
export function keyHelp(topic: string): string {
  if (topic === "all") return helpText();
  if (topic === "") {
    const width = Math.max(...COMMON.map(([keys]) => keys.length)) + 2;
    return [
      "Common keys, as in LLaMA-Factory (docs/config.md has every one)",
      ...COMMON.map(([keys, words]) => `  ${keys.padEnd(width)}${words}`),
    ].join("\n");
  }
  return oneKeyHelp(topic, keyTable());
}

/**
 * Help of a task that takes training's files and keys beside flags of its own.
 * @param topic "" for the task's own help; a flag; else as {@linkcode keyHelp}
 * @throws {RangeError} If there is no such flag or key; says which is near
 */
export function trainingHelp(
  topic: string,
  lines: readonly string[],
  flags: Readonly<Record<string, string>>,
): string {
  const isFlag = Object.keys(flags).some((flag) => flag.split(" ")[0] === topic);
  return topic === "" || isFlag ? taskHelp(topic, lines, flags) : keyHelp(topic);
}

/**
 * Text about one key of a table.
 * @throws {RangeError} If there is no such key; says which is near
 */
export function oneKeyHelp(topic: string, table: ReadonlyMap<string, KeySpec>): string {
  const spec = table.get(topic);
  if (spec === undefined) {
    throw new RangeError(
      `Cannot tell of the key ${shown(topic)}${
        otherName(topic) || didYouMean(topic, [...table.keys()])
      }: --help all lists every key`,
    );
  }
  if (spec.state === "works") return keyLines([[topic, spec]]).join("\n").replace(/^ {2}/, "");
  return spec.state === "ignored"
    ? `${topic}\n    accepted without effect: ${spec.reason}`
    : `${topic}\n    refused, as ${spec.reason}: ${spec.instead}`;
}
