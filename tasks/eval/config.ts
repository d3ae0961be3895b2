/**
 * The configuration of an evaluation: YAML in the shape of the released TRACE scripts (`evaluator:` with `!include`d model,
 * judge and data files), with a few keys more, and `key=value` arguments over it. All faults are reported at once, each with file
 * and line. Nothing is ever written into a person's file.
 * @module
 */
import { dirname, isAbsolute, resolve } from "@std/path";

import { exists } from "../../formats/exists.ts";
import { bounded, shortened } from "../../formats/message.ts";
import { type Place, placeText, readYaml, type YamlFile } from "../../formats/yaml/yaml.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";
import { pluginPath, readOverride } from "../common/config_file.ts";
import { faultsOf, isMap } from "./config_faults.ts";
import { type EvalConfig, EvaluatorOptions, type NamedPlugin, Schema } from "./config_schema.ts";

export { type EvalConfig, EvaluatorOptions, type NamedPlugin };

/** A configuration and where it is from. */
export interface ResolvedEval {
  /** Every default filled in. */
  config: EvalConfig;
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  placeOf(...path: (string | number)[]): string;
  /** What run.yaml says about the run that it came from; undefined in other files. */
  provenance: unknown;
}

/** Names of benchmarks in the released scripts and their copies. */
const BENCHMARK_ALIASES: Readonly<Record<string, string>> = { cifeval: "trace" };

/** Options that name files: found beside the YAML file that names them, else in the working folder. */
const PATH_KEYS: ReadonlySet<string> = new Set([
  "url",
  "path",
  "prompt",
  "model",
  "adapter",
  "model_path",
  "adapter_path",
  "model_name_or_path",
  "adapter_name_or_path",
]);

/** Keys whose value on the command line may be a YAML file. */
const FILE_KEYS = ["model", "evaluator_llm", "judge", "dataset"];

/**
 * Reads an evaluator file and applies overrides.
 * @param overrides `key=value`; keys are those under `evaluator`, dots lead further in; `model=FILE.yaml` puts a file in
 * @throws {SyntaxError} If a file isn't YAML
 * @throws {RangeError} If a key or value is wrong, or an include can't be followed; all faults at once
 */
export function readEvalConfig(path: string, overrides: readonly string[] = []): ResolvedEval {
  return resolveEvalConfig(readYaml(path), overrides);
}

/** Validates what `readYaml` gave, see {@linkcode readEvalConfig}. */
export function resolveEvalConfig(file: YamlFile, overrides: readonly string[] = []): ResolvedEval {
  const name = file.files[0] ?? "the configuration";
  const top = file.value;
  const unknownTop = isMap(top)
    ? Object.keys(top).filter((key) => key !== "evaluator" && key !== "provenance")
    : [];
  if (!isMap(top) || !isMap(top.evaluator)) {
    throw new RangeError(
      `Cannot evaluate as ${name} needs a map under the key evaluator` +
        (unknownTop.length > 0 ? `: current value has ${shortened(unknownTop.join(", "))}` : ""),
    );
  }
  if (unknownTop.length > 0) {
    throw new RangeError(
      bounded(
        unknownTop.map((key) =>
          `${placeText(file.place([key])) || name}: Cannot use the unknown key "${shortened(key)}"${
            didYouMean(key, ["evaluator"])
          }: only evaluator stands at the top`
        ).join("\n"),
      ),
    );
  }
  const value = structuredClone(top.evaluator) as Record<string, unknown>;
  const places = new Map<string, string | YamlFile>();
  for (const override of overrides) applyOverride(value, override, places);

  const placeAt = (path: readonly (string | number)[]): { text: string; folder: string } => {
    for (let end = path.length; end > 0; end--) {
      const from = places.get(path.slice(0, end).join("."));
      if (typeof from === "string") return { text: from, folder: "." };
      if (from !== undefined) {
        const place = from.place(path.slice(end)) ?? { file: from.files[0]!, line: 1, column: 1 };
        return { text: placeText(place), folder: dirname(place.file) };
      }
    }
    let place: Place | undefined;
    for (let end = path.length; end >= 0 && place === undefined; end--) {
      place = file.place(["evaluator", ...path.slice(0, end)]);
    }
    return { text: placeText(place) || name, folder: dirname(place?.file ?? name) };
  };
  resolvePaths(value, [], (path) => placeAt(path).folder);
  if (typeof value.type === "string" && Object.hasOwn(BENCHMARK_ALIASES, value.type)) {
    value.type = BENCHMARK_ALIASES[value.type];
  }
  value.out_dir ??= `saves/eval/${slug(String(value.type))}-${slug(modelName(value.model))}`;

  const parsed = Schema.safeParse(value);
  if (!parsed.success) {
    throw new RangeError(
      bounded(
        parsed.error.issues.flatMap((issue) => faultsOf(issue, value, (path) => placeAt(path).text)).join(
          "\n",
        ),
      ),
    );
  }
  const config: EvalConfig = parsed.data;
  const wanted = `metric_${config.type}`;
  if (config.metric_type !== undefined && ![wanted, "metric_cifeval"].includes(config.metric_type)) {
    throw new RangeError(
      `${placeAt(["metric_type"]).text}: Cannot use metric_type ${config.metric_type} for ${config.type}: ` +
        `it is ${wanted}`,
    );
  }
  if (
    config.dataset !== undefined && config.args.path !== undefined &&
    config.args.path !== config.dataset.args.url
  ) {
    throw new RangeError(
      `${placeAt(["args", "path"]).text}: Cannot take rows from both args.path and dataset.args.url`,
    );
  }
  if (config.evaluator_llm !== undefined && config.judge !== undefined) {
    throw new RangeError(
      `${placeAt(["judge"]).text}: Cannot use both judge and evaluator_llm: give one of them`,
    );
  }
  return {
    config,
    placeOf: (...path) => placeAt(path).text,
    provenance: top.provenance,
  };
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

function applyOverride(
  value: Record<string, unknown>,
  override: string,
  places: Map<string, string | YamlFile>,
): void {
  const { key: written, value: given, text, place } = readOverride(override, "out_dir=DIR");
  const key = written.replace(/^evaluator\./, "");
  const steps = key.split(".");
  // an argument that names another judge takes the place of the file's, whichever way that one is written
  if (key === "judge" && !places.has("evaluator_llm")) delete value.evaluator_llm;
  if (key === "evaluator_llm" && !places.has("judge")) delete value.judge;
  let map = value;
  for (const [i, step] of steps.slice(0, -1).entries()) {
    const inner = map[step] ??= {};
    if (!isMap(inner)) {
      throw new RangeError(
        `Cannot use ${place} as ${steps.slice(0, i + 1).join(".")} isn't a map`,
      );
    }
    map = inner;
  }
  if (FILE_KEYS.includes(key) && /\.(ya?ml|json)$/i.test(text)) {
    const file = readYaml(text);
    places.set(key, file);
    define(map, steps.at(-1)!, file.value);
  } else {
    places.set(key, place);
    define(map, steps.at(-1)!, given);
  }
}

function define(map: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Makes paths of files that are there absolute; what isn't there stays as written, for an error that names it so. */
function resolvePaths(
  value: unknown,
  path: (string | number)[],
  folderOf: (path: (string | number)[]) => string,
): void {
  if (Array.isArray(value)) value.forEach((item, i) => resolvePaths(item, [...path, i], folderOf));
  if (!isMap(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const here = [...path, key];
    if (typeof item === "string" && PATH_KEYS.has(key) && item !== "" && !isAbsolute(item)) {
      value[key] = [resolve(folderOf(here), item), resolve(item)].find(exists) ?? item;
    } else if (key === "plugins" && path.length === 0 && Array.isArray(item)) {
      value[key] = item.map((plugin) =>
        typeof plugin === "string" ? pluginPath(plugin, folderOf(here)) : plugin
      );
    } else resolvePaths(item, here, folderOf);
  }
}
