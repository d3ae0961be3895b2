/**
 * The configuration of an evaluation: YAML in the shape of the released TRACE scripts (`evaluator:` with `!include`d model,
 * judge and data files), with a few keys more, and `key=value` arguments over it. All faults are told at once, each with file
 * and line. Nothing is ever written into a person's file.
 * @module
 */
import { dirname, isAbsolute, resolve } from "@std/path";
import { z } from "zod";

import { parseYamlValue, type Place, placeText, readYaml, type YamlFile } from "../../formats/yaml/yaml.ts";
import { type Sampling, SamplingOptions } from "../endpoints/sampling.ts";
import { didYouMean } from "../registry.ts";
import type { Budget } from "./usage.ts";

const Args = z.record(z.string(), z.unknown());

const Model = z.strictObject({
  type: z.string().min(1).describe("endpoint plugin, or a released type such as vllm or alibaba-remote-llm"),
  args: Args.nullish().transform((args) => args ?? {}).describe("options of the endpoint"),
  run_args: SamplingOptions.nullish().transform((run) => SamplingOptions.parse(run ?? {})).describe(
    "sampling",
  ),
});

const JudgeModel = z.strictObject({
  type: z.string().min(1).describe("judge plugin, endpoint plugin, or a released type"),
  args: Args.nullish().transform((args) => args ?? {}).describe("its options"),
  run_args: Args.nullish().transform((run) => run ?? {}).describe("its sampling"),
});

const Dataset = z.strictObject({
  type: z.literal("qwen_format_dataset", "must be qwen_format_dataset, the released type of JSON lines")
    .default(
      "qwen_format_dataset",
    ).describe("as released"),
  args: z.strictObject({
    local_or_oss: z.literal("local", "must be local: files elsewhere aren't read").default("local").describe(
      "as released",
    ),
    url: z.string().min(1).describe("path of the rows"),
  }).describe("where the rows are"),
});

const positive = z.number().positive();

const Schema = z.strictObject({
  type: z.string().min(1).describe(
    "benchmark plugin: trace, ifeval, cfbench, constraints, rows, or one of your own",
  ),
  args: Args.nullish().transform((args) => args ?? {}).describe("options of the benchmark"),
  dataset: Dataset.optional().describe("rows of the benchmark; default: those that come along"),
  model: Model.describe("the model under test: type, args, run_args"),
  evaluator_llm: z.union([JudgeModel, z.array(JudgeModel).min(1)]).optional().describe(
    "judge model, where the benchmark needs one; several in a list are a panel",
  ),
  judge: JudgeModel.optional().describe(
    "judge plugin (rules, openai, panel, recorded) in place of the benchmark's own way",
  ),
  out_dir: z.string().min(1).describe("directory of the run"),
  out_file: z.string().min(1).optional().describe(
    "released result file {average_score, config, result}; default: in out_dir",
  ),
  metric_type: z.string().optional().describe("as released: metric_ and the type"),
  infer_processes: z.int().positive().default(16).describe("requests at once to the model, to begin with"),
  eval_processes: z.int().positive().default(16).describe("requests at once to the judge, to begin with"),
  concurrency: z.int().positive().default(64).describe(
    "requests at once to one endpoint, at most; found by trying",
  ),
  max_retries: z.int().min(0).default(6).describe(
    "how often a request is sent again after an error that may pass",
  ),
  max_samples: z.int().positive().optional().describe("only the first so many items"),
  budget: z.strictObject({
    tokens: positive.optional().describe("of requests and answers together"),
    requests: positive.optional().describe("sent, retries included"),
    money: positive.optional().describe("by args.prices of the endpoints"),
    seconds: positive.optional().describe("since the start"),
  }).default({}).describe("limits of one start; running again goes on with a fresh budget"),
  threshold: z.union([z.number(), z.record(z.string(), z.number())]).optional().describe(
    "lowest headline score, or scores by name; below it the exit code is 3",
  ),
  cache: z.union([z.boolean(), z.string().min(1)]).default(true).describe(
    "answers kept across runs: true, false, or the path of the file",
  ),
  overwrite: z.boolean().default(false).describe(
    "whether answers of another run in out_dir are removed, in place of an error",
  ),
  seed: z.int().min(0).default(0).describe("of the bootstrap"),
  resamples: z.int().min(100).default(1000).describe("of the bootstrap"),
  page_items: z.int().min(0).default(20_000).describe("most items that report.html lets one browse"),
  plugins: z.array(z.string()).default([]).describe("modules with plugins of your own"),
});

/** Keys under `evaluator`, with their descriptions; {@linkcode EvalConfig} is what they become. */
export const EvaluatorOptions: z.ZodObject = Schema;

/** A model under test or a judge, as a configuration names it. */
export interface NamedPlugin {
  /** Name of a plugin, or a released type such as `vllm`. */
  type: string;
  /** Its options. */
  args: Record<string, unknown>;
  /** Sampling of a judge. */
  run_args: Record<string, unknown>;
}

/** A resolved configuration: every default filled in. The keys are those of the YAML file, under `evaluator`. */
export interface EvalConfig {
  /** Benchmark plugin. */
  type: string;
  /** Options of the benchmark. */
  args: Record<string, unknown>;
  /** Rows of the benchmark; undefined: those that come along. */
  dataset?: { type: "qwen_format_dataset"; args: { local_or_oss: "local"; url: string } } | undefined;
  /** The model under test. */
  model: { type: string; args: Record<string, unknown>; run_args: Sampling };
  /** Judge model, or several as a panel. */
  evaluator_llm?: NamedPlugin | NamedPlugin[] | undefined;
  /** Judge plugin, in place of the benchmark's own way. */
  judge?: NamedPlugin | undefined;
  /** Directory of the run. */
  out_dir: string;
  /** Released result file; undefined: in `out_dir`. */
  out_file?: string | undefined;
  /** As released: `metric_` and the type. */
  metric_type?: string | undefined;
  /** Requests at once to the model, to begin with. */
  infer_processes: number;
  /** Requests at once to the judge, to begin with. */
  eval_processes: number;
  /** Requests at once to one endpoint, at most. */
  concurrency: number;
  /** How often a request is sent again after an error that may pass. */
  max_retries: number;
  /** Only the first so many items. */
  max_samples?: number | undefined;
  /** Limits of one start. */
  budget: Budget;
  /** Lowest headline score, or scores by name. */
  threshold?: number | Record<string, number> | undefined;
  /** Whether, or in which file, answers are kept across runs. */
  cache: boolean | string;
  /** Whether answers of another run in `out_dir` are removed, in place of an error. */
  overwrite: boolean;
  /** Of the bootstrap. */
  seed: number;
  /** Of the bootstrap. */
  resamples: number;
  /** Most items on the page. */
  page_items: number;
  /** Modules with plugins of one's own. */
  plugins: string[];
}

/** A configuration and where it is from. */
export interface ResolvedEval {
  /** Every default filled in. */
  config: EvalConfig;
  /** What to say once. */
  notes: string[];
  /** Where a key was written: `file:line:column`, or the argument; "" when it wasn't. */
  at(...path: (string | number)[]): string;
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
        (unknownTop.length > 0 ? `: current value has ${unknownTop.join(", ")}` : ""),
    );
  }
  if (unknownTop.length > 0) {
    throw new RangeError(
      unknownTop.map((key) =>
        `${placeText(file.place([key])) || name}: Cannot use the unknown key "${key}"${
          didYouMean(key, ["evaluator"])
        }: only evaluator stands at the top`
      ).join("\n"),
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
      parsed.error.issues.flatMap((issue) => faultsOf(issue, value, (path) => placeAt(path).text)).join("\n"),
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
    notes: [],
    at: (...path) => placeAt(path).text,
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
  const equals = override.indexOf("=");
  const key = override.slice(0, Math.max(equals, 0)).replace(/^evaluator\./, "");
  const text = override.slice(equals + 1);
  const steps = key.split(".");
  if (equals < 1 || steps.includes("")) {
    throw new RangeError(
      `Cannot read the argument ${JSON.stringify(override)} as key=value is needed, such as out_dir=DIR`,
    );
  }
  // an argument that names another judge takes the place of the file's, whichever way that one is written
  if (key === "judge" && !places.has("evaluator_llm")) delete value.evaluator_llm;
  if (key === "evaluator_llm" && !places.has("judge")) delete value.judge;
  let map = value;
  for (const [i, step] of steps.slice(0, -1).entries()) {
    const inner = map[step] ??= {};
    if (!isMap(inner)) {
      throw new RangeError(
        `Cannot use the argument ${override} as ${steps.slice(0, i + 1).join(".")} isn't a map`,
      );
    }
    map = inner;
  }
  if (FILE_KEYS.includes(key) && /\.(ya?ml|json)$/i.test(text)) {
    const file = readYaml(text);
    places.set(key, file);
    define(map, steps.at(-1)!, file.value);
  } else {
    places.set(key, `the argument ${override}`);
    define(map, steps.at(-1)!, parseYamlValue(text));
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
        typeof plugin !== "string" || isAbsolute(plugin) || /^(file|npm|jsr|https?):/.test(plugin)
          ? plugin
          : resolve(folderOf(here), plugin)
      );
    } else resolvePaths(item, here, folderOf);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** One line a fault, with place, path and the nearest known key. */
function faultsOf(
  issue: z.core.$ZodIssue,
  value: unknown,
  at: (path: (string | number)[]) => string,
): string[] {
  const path = issue.path as (string | number)[];
  const shown = path.length === 0 ? "evaluator" : path.join(".");
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path);
    return issue.keys.map((key) =>
      `${at([...path, key])}: Cannot use the unknown key "${[...path, key].join(".")}"${
        didYouMean(key, known)
      }` +
      (known.length > 0 ? ` (known: ${known.join(", ")})` : "")
    );
  }
  if (issue.code === "invalid_union") {
    const inner = issue.errors.flat();
    const kind = inner.filter((e) => e.path.length > 0 || e.code === "unrecognized_keys");
    if (kind.length > 0) {
      return kind.flatMap((e) =>
        faultsOf({ ...e, path: [...path, ...e.path] } as z.core.$ZodIssue, value, at)
      );
    }
  }
  let current: unknown = value;
  for (const step of path) {
    current = isMap(current) || Array.isArray(current) ? (current as never)[step] : undefined;
  }
  // a value that isn't there or is long is no help
  const now = current === undefined ? "missing" : JSON.stringify(current).slice(0, 80);
  const hint = typeof current === "string" && /number/.test(issue.message) && Number.isFinite(Number(current))
    ? "; write it without quotes"
    : "";
  return [`${at(path)}: Cannot read ${shown}: ${issue.message}: current value is ${now}${hint}`];
}

function knownKeys(path: readonly (string | number)[]): string[] {
  let schema: unknown = Schema;
  for (const step of path) {
    schema = unwrap(schema);
    if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, unknown>)[String(step)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else return [];
  }
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in);
  if (schema instanceof z.ZodUnion) return unwrap(schema.options[0]);
  return schema;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
