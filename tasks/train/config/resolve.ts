/**
 * From a YAML file and `key=value` arguments to one validated configuration with every default filled in.
 * All faults are gathered and told at once, each with file and line.
 * @module
 */
import { dirname } from "@std/path";

import { bounded, shortened, shown } from "../../../formats/message.ts";
import { redact, redactValue } from "../../../formats/secrets.ts";
import { placeText, readYaml, type YamlFile } from "../../../formats/yaml/yaml.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { pluginPath, readOverride } from "../../common/config_file.ts";
import { checkConfig } from "./checks.ts";
import type { Fault } from "./fault.ts";
import { otherPurpose } from "./file_purpose.ts";
import { type KeySpec, REQUIRED, type WorkingKey } from "./key.ts";
import { keyTable } from "./key_table.ts";
import { otherName } from "./other_names.ts";
import { type Provenance, readProvenance } from "./provenance.ts";
import type { TrainConfig } from "../../../plugins/kinds/train_config.ts";

/** A configuration and what is to be said about it. */
export interface ResolvedConfig {
  /** Every default filled in; frozen. */
  config: TrainConfig;
  /** Keys that were written in the file or on the command line, with the values as written. */
  given: ReadonlyMap<string, unknown>;
  /** What to say once at the start: keys that do nothing here and why, and what a combination means. */
  notes: string[];
  /** Files that were read. */
  files: string[];
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  placeOf(key: string): string;
  /** What run.yaml says about the run that it came from; null in any other file. */
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
  const name = file.files[0] ?? "the configuration";
  const written = withOverrides(file, overrides, name);
  const purpose = otherPurpose(new Set(written.keys()));
  if (purpose !== null) throw new RangeError(`${name}: Cannot train with this file as ${purpose}`);
  const table = keyTable();
  const faults: Fault[] = [];
  const notes: string[] = [];
  const read: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};

  for (const [key, entry] of written) {
    if (key === "provenance") continue;
    const spec = table.get(key);
    if (!spec) faults.push({ key, message: unknownKey(key, [...table.keys()]) });
    else if (spec.state === "works") read[key] = readValue(key, spec, entry, faults);
    else if (spec.state === "refused") refuse(key, spec, entry.value, faults);
  }
  notes.push(...ignoredNotes([...written.keys()], table));

  for (const [key, spec] of table) {
    if (spec.state !== "works") continue;
    if (key in read) values[key] = read[key];
    else if (spec.default !== REQUIRED) values[key] = spec.default;
    else {
      // axolotl's base_model is the model to train, ours the name that its adapter carries
      const also = key === "model_name_or_path" && written.has("base_model")
        ? "; base_model is only the name that the adapter carries"
        : "";
      faults.push({ key, message: `Cannot train as ${key} is needed: ${spec.description}${also}` });
    }
  }
  const placeOf = (key: string) => {
    const entry = written.get(key);
    return entry === undefined ? "" : entry.place ?? (placeText(file.place([key])) || name);
  };
  const given = new Map([...written].map(([key, entry]) => [key, entry.value]));
  if (faults.length === 0) {
    values.plugins = (values.plugins as string[]).map((path) =>
      absolutePlugin(path, file, written.get("plugins"))
    );
    fillDerived(values as unknown as Partial<TrainConfig>);
    const checked = checkConfig(values as unknown as TrainConfig, given);
    faults.push(...checked.faults);
    notes.push(...checked.notes);
  }
  if (faults.length > 0) {
    throw new RangeError(bounded(faults.map((fault) => locate(fault, placeOf(fault.key), name)).join("\n")));
  }
  const provenance = readProvenance(written.get("provenance")?.value, name);
  return {
    config: Object.freeze(values) as unknown as TrainConfig,
    given,
    notes,
    files: file.files,
    placeOf,
    provenance,
  };
}

interface Written {
  value: unknown;
  /** Text written without quotes. */
  plain: boolean;
  /** Where it was written, when not in the file. */
  place?: string;
}

function withOverrides(file: YamlFile, overrides: readonly string[], name: string): Map<string, Written> {
  const { value } = file;
  if (value === undefined || value === null) {
    throw new RangeError(
      `Cannot train as ${name} is empty: give at least model_name_or_path, output_dir, do_train, dataset and template`,
    );
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new RangeError(
      `Cannot read ${name} as it must be a map of keys to values: current value is ${
        Array.isArray(value) ? "a list" : show(value)
      }`,
    );
  }
  const written = new Map<string, Written>();
  for (const [key, part] of Object.entries(value)) {
    written.set(key, { value: part, plain: file.isPlain([key]) });
  }
  for (const override of overrides) {
    const { key, value, plain, place } = readOverride(override, "learning_rate=5e-6");
    written.set(key, { value, plain, place });
  }
  return written;
}

function readValue(key: string, spec: WorkingKey<unknown>, entry: Written, faults: Fault[]): unknown {
  const value = asBoolean(spec, entry);
  const refused = typeof value === "string" ? refusedValue(spec, value) : undefined;
  if (refused) {
    faults.push({ key, message: `Cannot use ${key}: ${shortened(redact(String(value)))} as ${refused}` });
    return value;
  }
  const parsed = spec.type.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  faults.push({
    key,
    message: `Cannot read ${key} as ${spec.type.words} is needed: current value is ${show(value, key)}${
      valueHint(spec, value)
    }`,
  });
  return value;
}

/** What a wrong text was probably meant to be. */
function valueHint({ type, refused = {} }: WorkingKey<unknown>, value: unknown): string {
  if (typeof value !== "string") return "";
  const isNumber = value.trim() !== "" && Number.isFinite(Number(value));
  const isBoolean = Object.hasOwn(BOOLEANS, value.toLowerCase());
  if ((type.kind === "number" && isNumber) || (type.kind === "boolean" && isBoolean)) {
    return "; write it without quotes";
  }
  return didYouMean(value, [...type.values ?? [], ...Object.keys(refused)]);
}

/** Words that YAML 1.1 reads as booleans where they stand without quotes; YAML 1.2 only the first two. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  yes: true,
  no: false,
  on: true,
  off: false,
};

/** LLaMA-Factory reads YAML 1.1, so unquoted yes, no, on and off are booleans there; here only where a boolean is meant. */
function asBoolean({ type }: WorkingKey<unknown>, { value, plain }: Written): unknown {
  if (typeof value !== "string" || !plain || type.kind !== "boolean") return value;
  const word = value.toLowerCase();
  return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : value;
}

function refusedValue(spec: WorkingKey<unknown>, value: string): string | undefined {
  const parts = value.split(",").map((part) => part.trim());
  const hit = parts.find((part) => spec.refused && Object.hasOwn(spec.refused, part));
  return hit === undefined ? undefined : spec.refused![hit];
}

function refuse(key: string, spec: KeySpec & { state: "refused" }, value: unknown, faults: Fault[]): void {
  if (spec.accepted.some((accepted) => accepted === value)) return;
  faults.push({ key, message: `Cannot use ${key}: ${show(value, key)} as ${spec.reason}: ${spec.instead}` });
}

function ignoredNotes(keys: readonly string[], table: ReadonlyMap<string, KeySpec>): string[] {
  const byReason = new Map<string, string[]>();
  for (const key of keys) {
    const spec = table.get(key);
    if (spec?.state === "ignored") byReason.set(spec.reason, [...byReason.get(spec.reason) ?? [], key]);
  }
  return [...byReason].map(([reason, ignored]) => `${ignored.join(", ")}: not used, as ${reason}`);
}

function unknownKey(key: string, known: readonly string[]): string {
  const hint = otherName(key) || didYouMean(key, known) || "; --help lists every key";
  return `Cannot use the unknown key "${shortened(key)}"${hint}`;
}

function absolutePlugin(path: string, file: YamlFile, written: Written | undefined): string {
  // a path on the command line is the shell's, one in the file the file's
  const place = written?.place === undefined ? file.place(["plugins"])?.file ?? file.files[0] : undefined;
  return pluginPath(path, place === undefined ? "." : dirname(place));
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

function locate(fault: Fault, place: string, name: string): string {
  return `${place || name}: ${fault.message}`;
}

function show(value: unknown, key = ""): string {
  return value === null ? "nothing" : shown(redactValue(value, key));
}
