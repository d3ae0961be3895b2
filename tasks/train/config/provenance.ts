/**
 * `run.yaml`: the resolved configuration of a run, and under `provenance` what it was run on, so that repeating it on
 * other data, another model or other plugin versions doesn't go unnoticed.
 * @module
 */
import { stringify } from "yaml";
import { z } from "zod";

import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import { redactValue } from "../../../formats/secrets.ts";
import { inWords } from "../../../formats/zod_words.ts";
import type { Kinds } from "../../../plugins/kinds/plugin.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { recordOf } from "./record.ts";

/** A plugin that a run used. */
export interface UsedPlugin {
  /** Kind of plugin, such as `loss`. */
  kind: string;
  /** Name within its kind. */
  name: string;
  /** Version that the plugin gives itself. */
  version: string;
  /** Options, defaults filled in. */
  options: Record<string, unknown>;
  /** Hash of its source; absent for a built-in one. */
  source?: string | undefined;
}

/** A plugin as run.yaml keeps it. */
export function usedPlugin(
  registry: Registry,
  kind: keyof Kinds,
  name: string,
  options: Record<string, unknown>,
): UsedPlugin {
  const source = registry.sourceHash(kind, name);
  return { kind, name, version: registry.get(kind, name).version, options, ...(source && { source }) };
}

/** Versions, plugins and hashes that a run was made of. */
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
  /** Hash of the adapter that was trained on; absent where a new one was begun, or the run is of an earlier version. */
  adapter?: string | undefined;
  /** Hash of the model that `ref_model` names, with its adapters; absent without one. */
  reference?: string | undefined;
  /** Checkpoint of another folder at which the run began; absent where it began at step 0. */
  began?: string | undefined;
}

const Schema = z.strictObject({
  dinotune: z.string(),
  plugins: z.array(
    z.strictObject({
      kind: z.string(),
      name: z.string(),
      version: z.string(),
      options: z.record(z.string(), z.unknown()),
      source: z.string().optional(),
    }),
  ),
  data: z.string(),
  model: z.string(),
  tokenizer: z.string(),
  adapter: z.string().optional(),
  reference: z.string().optional(),
  began: z.string().optional(),
});

/**
 * Reads the value of the key `provenance`; null when there is none.
 * @throws {RangeError} If it isn't what {@linkcode writeRunYaml} writes
 */
export function readProvenance(value: unknown, file: string): Provenance | null {
  if (value === undefined || value === null) return null;
  const parsed = Schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RangeError(
    `Cannot read provenance of ${file} at ${issue.path.join(".") || "its top"}: ${issue.message}; ` +
      "remove the whole key to run without checking that nothing changed",
  );
}

/**
 * The text of run.yaml: paths are absolute, so that it means the same in any folder. Secrets never enter it; whether the run
 * went on from a checkpoint of its own makes no difference to it.
 */
export function runYaml(config: TrainConfig, provenance: Provenance): string {
  return "# Every key of this run, defaults filled in. deno task train with this file repeats it in a folder beside this one,\n" +
    "# or continues it if it isn't finished.\n" +
    stringify({ ...recordOf(config), resume_from_checkpoint: null, provenance: redactValue(provenance) }, {
      lineWidth: 0,
    });
}

/** Writes run.yaml. */
export function writeRunYaml(path: string, config: TrainConfig, provenance: Provenance): void {
  writeFileAtomicSync(path, runYaml(config, provenance));
}

/** One line a difference between what a run.yaml was made of and what is there now; empty when nothing changed. */
export function diffProvenance(before: Provenance, now: Provenance): string[] {
  const lines: string[] = [];
  for (const key of ["dinotune", "data", "model", "tokenizer"] as const) {
    if (before[key] !== now[key]) lines.push(`${key}: ${before[key]} then, ${now[key]} now`);
  }
  if (before.adapter !== undefined && before.adapter !== now.adapter) {
    lines.push(`adapter: ${before.adapter} then, ${now.adapter ?? "none"} now`);
  }
  // with none before, the key that names it says so
  if (before.reference !== undefined && before.reference !== now.reference) {
    lines.push(`reference: ${before.reference} then, ${now.reference ?? "none"} now`);
  }
  return [...lines, ...diffPlugins(before.plugins, now.plugins)];
}

/** One line a plugin that isn't what it was: its version, options or source. */
export function diffPlugins(before: readonly UsedPlugin[], now: readonly UsedPlugin[]): string[] {
  const describe = (plugins: readonly UsedPlugin[]) =>
    new Map(
      plugins.map(({ kind, name, version, options, source }) => [
        `${kind}/${name}`,
        `version ${version} with ${JSON.stringify(redactValue(options))}` +
        (source === undefined ? "" : ` and source ${source.slice(0, 12)}`),
      ]),
    );
  const [then, today] = [describe(before), describe(now)];
  return [...new Set([...then.keys(), ...today.keys()])]
    .filter((name) => then.get(name) !== today.get(name))
    .map((name) => `${name}: ${then.get(name) ?? "not used"} then, ${today.get(name) ?? "not used"} now`);
}
