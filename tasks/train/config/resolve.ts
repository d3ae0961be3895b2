/**
 * From a YAML file and `key=value` arguments to one validated configuration with every default filled in.
 * All faults are gathered and told at once, each with file and line.
 * @module
 */
import { dirname } from "@std/path";

import { readYaml, type YamlFile } from "../../../formats/yaml/yaml.ts";
import { besideFile } from "../../common/config/beside.ts";
import { pluginPath } from "../../common/config/config_file.ts";
import { checkConfig, onCuda } from "./checks/mod.ts";
import { chooseTrainer } from "./distributed/choose.ts";
import { otherPurpose } from "./file_purpose.ts";
import { keyTable } from "./key_table.ts";
import { takeNewTokens } from "./new_tokens.ts";
import { type Provenance, readProvenance } from "./provenance.ts";
import { nameOf, readKeys, type TaskWords, throwFaults, type Written, writtenKeys } from "./read_keys.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** A configuration and what is to be said about it. */
export interface ResolvedConfig {
  /** Every default filled in; frozen. */
  config: TrainConfig;
  /** Keys that were written in the file or on the command line, with the values as written. */
  given: ReadonlyMap<string, unknown>;
  /** Notes for the start: keys that do nothing here and why, and what a combination means. */
  notes: string[];
  /** Files that were read. */
  files: string[];
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  placeOf(key: string): string;
  /** Provenance of a run.yaml; null in any other file. */
  provenance: Provenance | null;
}

/**
 * Reads a YAML or JSON file and applies overrides.
 * @param path The file
 * @param overrides `key=value` texts; values are typed as YAML types them
 * @throws {SyntaxError} If the file isn't YAML
 * @throws {RangeError} If a key is unknown or refused, a value doesn't fit, or keys contradict each other; all are listed
 */
export function readTrainConfig(path: string, overrides: readonly string[] = []): ResolvedConfig {
  return resolveTrainConfig(readYaml(path), overrides);
}

/**
 * Validates what {@linkcode readYaml} gave.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseYaml } from "../../../formats/yaml/yaml.ts";
 * import { resolveTrainConfig } from "./resolve.ts";
 *
 * const file = parseYaml("model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n", "t.yaml");
 * const { config } = resolveTrainConfig(file, ["lora_rank=4", "learning_rate=5e-6"]);
 * assertEquals([config.lora_rank, config.lora_alpha, config.learning_rate], [4, 8, 5e-6]);
 * ```
 * @throws {RangeError} If anything in it is wrong
 */
export function resolveTrainConfig(file: YamlFile, overrides: readonly string[] = []): ResolvedConfig {
  const name = nameOf(file);
  const written = writtenKeys(file, overrides, WORDS);
  const purpose = otherPurpose(new Set(written.keys()));
  if (purpose !== null) throw new RangeError(`${name}: Cannot train with this file as ${purpose}`);
  const made = written.get("provenance");
  written.delete("provenance");
  const { values, faults, notes, placeOf } = readKeys(file, written, keyTable(), WORDS);
  const given = new Map([...written].map(([key, entry]) => [key, entry.value]));
  if (faults.length === 0) {
    values.plugins = (values.plugins as string[]).map((path) =>
      absolutePlugin(path, file, written.get("plugins"))
    );
    findInputs(values as unknown as TrainConfig, file, written);
    notes.push(...takeOnce(values as unknown as Partial<TrainConfig>));
    fillDerived(values as unknown as Partial<TrainConfig>);
    if (values.stage === "grpo") Object.assign(values, withoutGiven(DRAWN_AS_IN_TRL, given));
    const newTokens = takeNewTokens(values as unknown as Parameters<typeof takeNewTokens>[0]);
    faults.push(...newTokens.faults);
    notes.push(...newTokens.notes);
    const chosen = chooseTrainer(values as unknown as TrainConfig, given, launcherVariable);
    faults.push(...chosen.faults);
    // On PyTorch these have an effect: they keep it from GPUs.
    if (values.trainer === "torch") {
      for (const key of ["use_cpu", "no_cuda"]) {
        notes.splice(0, notes.length, ...withoutKey(key, notes));
      }
    }
    notes.push(...chosen.notes);
    const checked = checkConfig(values as unknown as TrainConfig, given);
    faults.push(...checked.faults);
    notes.push(...checked.notes);
    // Where they do nothing they are no difference to a run that is continued.
    if (!onCuda(values as unknown as TrainConfig)) Object.assign(values, { bf16: false, tf32: null });
  }
  throwFaults(file, faults, placeOf);
  const provenance = readProvenance(made?.value, name);
  return {
    config: Object.freeze(values) as unknown as TrainConfig,
    given,
    notes,
    files: file.files,
    placeOf,
    provenance,
  };
}

const WORDS: TaskWords = {
  verb: "train",
  least: "model_name_or_path, output_dir, do_train, dataset and template",
  example: "learning_rate=5e-6",
};

/** The path of what a key names, absolute where it lies beside the file that has the key. @param index Of the key's list */
export function foundBeside(
  path: string,
  key: string,
  { file, written }: { file: YamlFile; written: ReadonlyMap<string, Written> },
  index?: number,
): string {
  return besideFile(
    path,
    written.get(key)?.place !== undefined
      ? undefined
      : file.place(index === undefined ? [key] : [key, index])?.file ?? file.place([key])?.file ??
        file.files[0],
  );
}

/** Makes paths of what is read absolute where it lies beside the file. */
export function findInputs(
  config:
    & Pick<TrainConfig, "model_name_or_path" | "adapter_name_or_path">
    & Partial<Omit<TrainConfig, "stage">>,
  file: YamlFile,
  written: ReadonlyMap<string, Written>,
): void {
  const find = (key: string, path: string, index?: number) =>
    foundBeside(path, key, { file, written }, index);
  for (const key of ["deepspeed", "fsdp_config", "new_special_tokens_config"] as const) {
    const value = config[key];
    if (typeof value === "string") Object.assign(config, { [key]: find(key, value) });
  }
  for (const key of ["model_name_or_path", "ref_model"] as const) {
    const model = config[key];
    if (typeof model === "string") Object.assign(config, { [key]: find(key, model) });
  }
  for (const key of ["adapter_name_or_path", "ref_model_adapters"] as const) {
    const adapters = config[key];
    if (adapters) Object.assign(config, { [key]: adapters.map((path, i) => find(key, path, i)) });
  }
  const { dataset_dir, dataset = [], eval_dataset = [] } = config;
  if (dataset_dir === undefined) return;
  const data = (key: string, names: readonly string[]) =>
    names.map((name, i) => /[\\/]|\.\w+$/.test(name) ? find(key, name, i) : name);
  Object.assign(config, {
    dataset_dir: find("dataset_dir", dataset_dir),
    dataset: data("dataset", dataset),
    eval_dataset: data("eval_dataset", eval_dataset),
  });
}

/** A path of `plugins` as the registry takes it. */
export function absolutePlugin(path: string, file: YamlFile, written: Written | undefined): string {
  // a path on the command line is the shell's, one in the file the file's
  const place = written?.place === undefined ? file.place(["plugins"])?.file ?? file.files[0] : undefined;
  return pluginPath(path, place === undefined ? "." : dirname(place));
}

/** Notes of the form "a, b: not used, …", one of the keys left out. */
function withoutKey(key: string, notes: readonly string[]): string[] {
  return notes.flatMap((note) => {
    const end = note.indexOf(": "), keys = note.slice(0, end).split(", ");
    if (!keys.includes(key)) return [note];
    const rest = keys.filter((name) => name !== key);
    return rest.length > 0 ? [rest.join(", ") + note.slice(end)] : [];
  });
}

/** A variable of LLaMA-Factory's launcher; undefined where the environment may not be read. */
function launcherVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/**
 * Leaves out what a list names a second time: LLaMA-Factory keeps sets under their names, PEFT modules in a set. Where rows
 * would count twice there is a note.
 */
function takeOnce(config: Partial<TrainConfig>): string[] {
  return (["dataset", "eval_dataset", "lora_target"] as const).flatMap((key) => {
    const names = config[key]!, once = [...new Set(names)];
    const twice = once.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
    Object.assign(config, { [key]: once });
    return key === "lora_target" || twice.length === 0 ? [] : [
      `${key}: ${
        twice.join(", ")
      } is named more than once and taken once, as in LLaMA-Factory; num_samples of a set's ` +
      "entry in dataset_info.json repeats rows",
    ];
  });
}

/** How answers are drawn in stage grpo where nothing is said: from the policy itself, whose log-probabilities are learnt. */
const DRAWN_AS_IN_TRL = { temperature: 1, top_p: 1, top_k: 0, max_new_tokens: 512 };

function withoutGiven(
  defaults: Readonly<Record<string, number>>,
  given: ReadonlyMap<string, unknown>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(defaults).filter(([key]) => (given.get(key) ?? null) === null));
}

/** Defaults that depend on other keys, as LLaMA-Factory and transformers fill them in. */
function fillDerived(config: Partial<TrainConfig>): void {
  const c = config as { -readonly [K in keyof TrainConfig]: TrainConfig[K] | null };
  c.lora_alpha ??= 2 * c.lora_rank!;
  c.packing ??= c.stage === "pt";
  if (c.neat_packing) c.packing = true;
  c.eval_steps ??= c.logging_steps;
  if (c.eval_strategy !== "no") c.do_eval = true;
  c.data_seed ??= c.seed;
  c.disable_tqdm ??= false;
  c.lr_scheduler_kwargs ??= {};
  const needsMetric = c.load_best_model_at_end || c.early_stopping_steps !== null ||
    c.save_strategy === "best";
  if (needsMetric) c.metric_for_best_model ??= "eval_loss";
  if (c.metric_for_best_model && !c.metric_for_best_model.startsWith("eval_")) {
    c.metric_for_best_model = `eval_${c.metric_for_best_model}`;
  }
  c.greater_is_better ??= c.metric_for_best_model !== null && !c.metric_for_best_model!.endsWith("loss");
}
