/**
 * `run.yaml`: the resolved configuration of a run, and under `provenance` what it was run on, so that repeating it on
 * other data, another model or other plugin versions doesn't go unnoticed.
 * @module
 */
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import { workingKeys } from "./working_keys.ts";

/** A plugin that a run used. */
export interface UsedPlugin {
  /** Kind. */
  kind: string;
  /** Name. */
  name: string;
  /** Version. */
  version: string;
  /** Options, defaults filled in. */
  options: Record<string, unknown>;
}

/** What a run was made of. */
export interface Provenance {
  /** Version of this project. */
  dinotune: string;
  /** Plugins, with versions and options. */
  plugins: UsedPlugin[];
  /** SHA-256 over the encoded training and evaluation examples. */
  data: string;
  /** Hash of the model's weights. */
  model: string;
  /** Hash of what decides token ids. */
  tokenizer: string;
}

const Schema = z.strictObject({
  dinotune: z.string(),
  plugins: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      version: z.string(),
      options: z.record(z.string(), z.unknown()),
    }),
  ),
  data: z.string(),
  model: z.string(),
  tokenizer: z.string(),
});

/**
 * Reads the value of the key `provenance`; null when there is none.
 * @throws {RangeError} If it isn't what {@linkcode writeRunYaml} writes
 */
export function readProvenance(value: unknown, file: string): Provenance | null {
  if (value === undefined || value === null) return null;
  const parsed = Schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RangeError(
    `Cannot read provenance of ${file} at ${issue.path.join(".") || "its top"}: ${issue.message}; ` +
      "remove the whole key to run without checking that nothing changed",
  );
}

/** The text of run.yaml. The hub token never enters it; whether the run was resumed makes no difference to it. */
export function runYaml(config: TrainConfig, provenance: Provenance): string {
  const { hf_hub_token: _secret, ...values } = config;
  return "# Every key of this run, defaults filled in. Run it again: deno task train run.yaml output_dir=ANOTHER_FOLDER\n" +
    stringify({ ...values, resume_from_checkpoint: null, provenance }, { lineWidth: 0 });
}

/** Writes run.yaml. */
export async function writeRunYaml(path: string, config: TrainConfig, provenance: Provenance): Promise<void> {
  await writeFileAtomic(path, runYaml(config, provenance));
}

/** One line a difference between what a run.yaml was made of and what is there now; empty when nothing changed. */
export function diffProvenance(before: Provenance, now: Provenance): string[] {
  const lines: string[] = [];
  for (const key of ["dinotune", "data", "model", "tokenizer"] as const) {
    if (before[key] !== now[key]) lines.push(`${key}: ${before[key]} then, ${now[key]} now`);
  }
  const describe = (plugins: UsedPlugin[]) =>
    new Map(
      plugins.map((p) => [`${p.kind}/${p.name}`, `version ${p.version} with ${JSON.stringify(p.options)}`]),
    );
  const [then, today] = [describe(before.plugins), describe(now.plugins)];
  for (const name of new Set([...then.keys(), ...today.keys()])) {
    if (then.get(name) === today.get(name)) continue;
    lines.push(`${name}: ${then.get(name) ?? "not used"} then, ${today.get(name) ?? "not used"} now`);
  }
  return lines;
}

/** Keys that change where a run writes, what it prints or where it caches, but not what it learns. */
export const HARMLESS_KEYS: readonly (keyof TrainConfig)[] = [
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
  "overwrite_cache",
  "preprocessing_num_workers",
  "hf_hub_token",
  "allow_changes",
];

/** A key whose value differs. */
export interface ConfigDifference {
  /** Key. */
  key: string;
  /** Value in the first configuration. */
  before: unknown;
  /** Value in the second. */
  after: unknown;
}

/**
 * Keys that differ between two configurations, {@linkcode HARMLESS_KEYS} left out.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { diffConfigs } from "./provenance.ts";
 *
 * const before = { learning_rate: 1e-4, logging_steps: 5, output_dir: "a" };
 * const after = { learning_rate: 2e-4, logging_steps: 9, output_dir: "b" };
 * assertEquals(diffConfigs(before, after), [{ key: "learning_rate", before: 1e-4, after: 2e-4 }]);
 * ```
 */
export function diffConfigs(before: Partial<TrainConfig>, after: Partial<TrainConfig>): ConfigDifference[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof TrainConfig)[]);
  const evaluates = before.eval_strategy !== "no" || after.eval_strategy !== "no";
  const harmless = evaluates ? HARMLESS_KEYS : [...HARMLESS_KEYS, "eval_steps", "eval_delay"];
  const known = workingKeys();
  // A configuration of an earlier version lacks keys that are new since, and did what their defaults do.
  const isNew = (key: keyof TrainConfig) =>
    !(key in before) && canonical(after[key]) === canonical(known[key]?.default);
  return [...keys]
    .filter((key) =>
      !harmless.includes(key) && canonical(before[key]) !== canonical(after[key]) && !isNew(key)
    )
    .map((key) => ({ key, before: before[key], after: after[key] }));
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
