/**
 * Differences between two configurations that change what a run learns.
 * @module
 */
import { describedRule } from "../../../kernels/engine/optimizer/rules.ts";
import type { ConfigDifference, TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { redactValue } from "../../../formats/secrets.ts";
import { absolutePaths } from "./paths.ts";
import { workingKeys } from "./working_keys.ts";

/** Keys that change where a run writes, what it prints or where it caches, but not what it learns. */
const HARMLESS_KEYS: readonly (keyof TrainConfig)[] = [
  "output_dir",
  "overwrite_output_dir",
  "resume_from_checkpoint",
  "logging_dir",
  "logging_strategy",
  "logging_first_step",
  "logging_steps",
  "save_strategy",
  "save_steps",
  "save_total_limit",
  "save_only_model",
  "disable_tqdm",
  "plot_loss",
  "report_to",
  "run_name",
  "include_num_input_tokens_seen",
  "cache_dir",
  "data_cache_dir",
  "tokenized_path",
  "overwrite_cache",
  "preprocessing_num_workers",
  "hf_hub_token",
  "base_model",
  "allow_changes",
];

/**
 * Keys that differ between two configurations, {@linkcode HARMLESS_KEYS} left out. A path is the same however it is written.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { diffConfigs } from "./config_differences.ts";
 *
 * const before = { learning_rate: 1e-4, logging_steps: 5, output_dir: "a" };
 * const after = { learning_rate: 2e-4, logging_steps: 9, output_dir: "b" };
 * assertEquals(diffConfigs(before, after), [{ key: "learning_rate", before: 1e-4, after: 2e-4 }]);
 * ```
 */
export function diffConfigs(earlier: Partial<TrainConfig>, now: Partial<TrainConfig>): ConfigDifference[] {
  // Secrets are never kept, so they can't be compared either.
  const [before, after] = [absolutePaths(redactValue(earlier)), absolutePaths(redactValue(now))];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof TrainConfig)[]);
  const evaluates = before.eval_strategy !== "no" || after.eval_strategy !== "no";
  const harmless = evaluates ? HARMLESS_KEYS : [...HARMLESS_KEYS, "eval_steps", "eval_delay"];
  const known = workingKeys();
  // A configuration of an earlier version lacks keys that are new since, and did what their defaults do.
  const isNew = (key: keyof TrainConfig) =>
    !(key in before) && meant(key, after[key]) === meant(key, known[key]?.default);
  return [...keys]
    .filter((key) =>
      !harmless.includes(key) && meant(key, before[key]) !== meant(key, after[key]) && !isNew(key)
    )
    .map((key) => ({ key, before: before[key], after: after[key] }));
}

/** A value as text, alike for values that mean the same: all of transformers' AdamWs are one here. */
function meant(key: keyof TrainConfig, value: unknown): string {
  return key === "optim" && typeof value === "string" ? describedRule(value).name : canonical(value);
}

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  ) ?? "undefined";
}
