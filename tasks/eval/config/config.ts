/**
 * The configuration of an evaluation: YAML in the shape of the released TRACE scripts (`evaluator:` with `!include`d model,
 * judge and data files), with a few keys more, and `key=value` arguments over it. All faults are reported at once, each with file
 * and line. Nothing is ever written into a person's file.
 * @module
 */
import { readYaml, type YamlFile } from "../../../formats/yaml/yaml.ts";
import { openSettings, parseSettings, type SettingsShape } from "../../common/config/settings.ts";
import { isMap } from "../../common/config/settings_faults.ts";
import { type EvalConfig, EvaluatorOptions, type NamedPlugin, Schema } from "./config_schema.ts";

export { type EvalConfig, EvaluatorOptions, type NamedPlugin };

/** A configuration and where it is from. */
export interface ResolvedEval {
  /** Every default filled in. */
  config: EvalConfig;
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  placeOf(...path: (string | number)[]): string;
  /** Provenance of a run.yaml; undefined in other files. */
  provenance: unknown;
}

/** Names of benchmarks in the released scripts and their copies. */
const BENCHMARK_ALIASES: Readonly<Record<string, string>> = { cifeval: "trace" };

const SHAPE: SettingsShape = {
  top: "evaluator",
  verb: "evaluate",
  paths: new Set([
    "url",
    "path",
    "prompt",
    "tagger",
    "model",
    "adapter",
    "model_path",
    "adapter_path",
    "model_name_or_path",
    "adapter_name_or_path",
  ]),
  files: ["model", "evaluator_llm", "judge", "dataset"],
  example: "out_dir=DIR",
  beforeOverride(value, key, given) {
    // an argument that names another judge takes the place of the file's, whichever way that one is written
    if (key === "judge" && !given.has("evaluator_llm")) delete value.evaluator_llm;
    if (key === "evaluator_llm" && !given.has("judge")) delete value.judge;
  },
};

/**
 * Reads an evaluator file and applies overrides.
 * @param overrides `key=value`; keys are those under `evaluator`, dots lead further in; `model=FILE.yaml` puts a file in
 * @throws {SyntaxError} If a file isn't YAML
 * @throws {RangeError} If a key or value is wrong, or an include can't be followed; all faults at once
 */
export function readEvalConfig(path: string, overrides: readonly string[] = []): ResolvedEval {
  const keys = { data: "dataset.args.url", model: "model.args.model", adapter: "model.args.adapter" };
  return resolveEvalConfig(readYaml(path, { keys }), overrides);
}

/**
 * Validates what `readYaml` gave, see {@linkcode readEvalConfig}.
 * @throws {RangeError} If a key is wrong, or two keys contradict each other; with the key's place
 */
export function resolveEvalConfig(file: YamlFile, overrides: readonly string[] = []): ResolvedEval {
  const settings = openSettings(file, overrides, SHAPE);
  const { value, placeOf } = settings;
  if (typeof value.type === "string" && Object.hasOwn(BENCHMARK_ALIASES, value.type)) {
    value.type = BENCHMARK_ALIASES[value.type];
  }
  value.out_dir ??= `saves/eval/${slug(String(value.type))}-${slug(modelName(value.model))}`;

  const config: EvalConfig = parseSettings(Schema, settings, SHAPE.top);
  const wanted = `metric_${config.type}`;
  if (config.metric_type !== undefined && ![wanted, "metric_cifeval"].includes(config.metric_type)) {
    throw new RangeError(
      `${placeOf("metric_type")}: Cannot use metric_type ${config.metric_type} for ${config.type}: ` +
        `it is ${wanted}`,
    );
  }
  if (
    config.dataset !== undefined && config.args.path !== undefined &&
    config.args.path !== config.dataset.args.url
  ) {
    throw new RangeError(
      `${placeOf("args", "path")}: Cannot take rows from both args.path and dataset.args.url`,
    );
  }
  if (config.evaluator_llm !== undefined && config.judge !== undefined) {
    throw new RangeError(
      `${placeOf("judge")}: Cannot use both judge and evaluator_llm: give one of them`,
    );
  }
  return { config, placeOf, provenance: settings.provenance };
}

/** Lower-case letters, digits, dots, dashes: safe as part of a file name. */
export function slug(text: string): string {
  return text.split(/[\\/]/).filter((part) => part !== "").at(-1)?.toLowerCase().replaceAll(
    /[^a-z0-9.]+/g,
    "-",
  )
    .replace(/^[.-]+|[.-]+$/g, "").slice(0, 80) || "model";
}

function modelName(model: unknown): string {
  const args = isMap(model) && isMap(model.args) ? model.args : {};
  const named = args.name ?? args.api_name ?? args.model_path ?? args.path ??
    (isMap(model) ? model.type : undefined);
  return String(named ?? "model");
}
