/**
 * The parts of an evaluation: the benchmark, the model under test and the judge, from their names in the configuration.
 * @module
 */
import { HubUnreachable } from "../../formats/hub/mod.ts";
import type { Benchmark } from "../../plugins/kinds/benchmark.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import { createJudge } from "../../plugins/kinds/create_judge.ts";
import type { Judge, JudgeSpec } from "../../plugins/kinds/judge.ts";
import { nowhere, placed, type PlaceOf, placeUnder } from "../../plugins/kinds/place.ts";
import { productIdentity } from "../../plugins/kinds/product_identity.ts";
import type { Registry } from "../../plugins/registry.ts";
import type { EvalConfig } from "./config/config.ts";
import { named, withNamedFaults } from "./plugin_fault.ts";
import { hashOf } from "../ask/response_cache.ts";

/** The benchmark, and a hash of what it is. */
export interface BenchmarkPart {
  /** Name of the plugin. */
  name: string;
  /** The plugin's version. */
  version: string;
  /** Options, defaults filled in. */
  options: Record<string, unknown>;
  /** Made by the plugin. */
  benchmark: Benchmark;
}

/** The model under test. */
export interface ModelPart {
  /** Made by the plugin. */
  endpoint: Endpoint;
  /** Plugin and version. */
  plugin: string;
  /** Hash of what decides about its answers. */
  key: string;
  /** The same as earlier versions made it, which said less of some models; null: alike. */
  earlierKey: string | null;
}

/** The judge; `judge` is null where the benchmark checks by itself. */
export interface JudgePart {
  /** Made by the plugin. */
  judge: Judge | null;
  /** Plugin, for messages. */
  plugin: string;
  /** Name for reports. */
  title: string;
  /** Hash of what decides about verdicts. */
  key: string;
}

/**
 * Makes the benchmark.
 * @throws {RangeError} If there is none of that name
 * @throws {TypeError} If its options don't fit
 */
export function makeBenchmark(
  config: EvalConfig,
  registry: Registry,
  placeOf: PlaceOf = nowhere,
): BenchmarkPart {
  const { type: name, dataset, args } = config;
  const where = placeOf(registry.has("benchmark", name) ? (dataset ? "dataset" : "args") : "type");
  return placed(where, () => {
    const { version, options: schema } = registry.get("benchmark", name);
    const given = { ...args, ...(dataset && { path: dataset.args.url }) };
    if (given.path === undefined && schema.shape.path?.safeParse(undefined).success === false) {
      throw new TypeError(
        `Cannot run benchmark ${name} as it has no data of its own: give a dataset with args.url: FILE`,
      );
    }
    const options = registry.options("benchmark", name, given, placeUnder(placeOf, "args"));
    const made = named(
      `benchmark/${name}`,
      () => registry.create("benchmark", name, given, placeUnder(placeOf, "args")),
    );
    const benchmark = withNamedFaults(name, made);
    return { name, version, options, benchmark };
  });
}

/** How what is asked is made. */
export interface MakingOptions {
  /** Places of the configuration's values, for errors; default: none are known. */
  placeOf?: PlaceOf | undefined;
  /** Gets lines that tell how far a download is; default: nobody does. */
  say?: (line: string) => void;
  /** Told of a hub that can't be reached, in place of an error: for a plan, which asks nothing. */
  unreachable?: (message: string) => void;
}

/**
 * Makes a model that is asked, such as the one under test.
 * @param options With the keys that `model` stands under; default: `model`
 * @throws {RangeError} If its type is unknown, or it lacks an address or a key
 * @throws {HubUnreachable} Unless that is told
 */
export async function makeModel(
  model: EvalConfig["model"],
  registry: Registry,
  { placeOf = nowhere, key = ["model"], say = () => {}, unreachable }: MakingOptions & {
    key?: readonly [string, ...(string | number)[]];
  } = {},
): Promise<ModelPart> {
  const { type, args } = model;
  const endpoint = await placed(placeOf(...key), async () => {
    const made = named(
      `endpoint/${type}`,
      () => registry.create("endpoint", type, args, placeUnder(placeOf, ...key, "args")),
    );
    await prepared(made, say, unreachable);
    return made;
  });
  const { name, version } = registry.get("endpoint", type);
  const plugin = `endpoint/${name} ${version}`;
  const keyOf = (identity: Endpoint["identity"]) =>
    hashOf([
      productIdentity(endpoint),
      endpoint.model,
      identity ?? null,
      model.run_args,
      endpoint.thoughtTags ?? null,
    ]);
  const now = keyOf(endpoint.identity), before = keyOf(endpoint.earlierIdentity ?? endpoint.identity);
  return { endpoint, plugin, key: now, earlierKey: before === now ? null : before };
}

/**
 * Makes the judge that the configuration names, or finds that the benchmark needs none.
 * @throws {RangeError} If a judge is needed and there is none, or its scale isn't the benchmark's
 */
export async function makeJudge(
  config: EvalConfig,
  registry: Registry,
  part: BenchmarkPart,
  { placeOf = nowhere, say = () => {}, unreachable }: MakingOptions = {},
): Promise<JudgePart & { notes: string[] }> {
  const { benchmark, name, options } = part;
  const notes: string[] = [];
  // how a judge is asked and read belongs to the benchmark, so its plugin and options decide too
  const base = ["benchmark", productIdentity(benchmark), options];
  if (benchmark.identity !== undefined) base.push(benchmark.identity);
  if (config.judge === undefined && benchmark.check !== undefined) {
    if (config.evaluator_llm !== undefined) {
      notes.push(`evaluator_llm isn't used: ${name} is decided by rules`);
    }
    return { judge: null, plugin: `benchmark/${name}`, title: "rules", key: hashOf(base), notes };
  }
  const spec = config.judge ?? judgeOfModels(config.evaluator_llm);
  if (spec === undefined) {
    throw new RangeError(
      `Cannot judge ${name} as a judge is needed: give evaluator_llm (a model), or judge (rules, panel, recorded)`,
    );
  }
  const key = config.judge === undefined ? "evaluator_llm" : "judge", where = placeOf(key);
  const { judge, title } = placed(
    where,
    () =>
      named(
        `judge/${spec.type}`,
        () =>
          createJudge(spec, { registry, place: judgePlace(placeUnder(placeOf, key), config.evaluator_llm) }),
      ),
  );
  if (judge.endpoints !== undefined && judge.endpoints.length > 0 && benchmark.protocol === undefined) {
    throw new RangeError(`Cannot judge ${name} by a model as it says no way to ask one: leave judge out`);
  }
  const scale = benchmark.protocol?.scale;
  if (judge.scale !== null && scale !== undefined && judge.scale !== scale) {
    throw new RangeError(
      `Cannot judge ${name} by ${title} as scores to ${scale} are needed: current value is scores to ${judge.scale}` +
        (spec.type === "recorded" ? `; set args.scale: ${scale} if the file's are` : ""),
    );
  }
  for (const endpoint of judge.endpoints ?? []) {
    await placed(where, () => prepared(endpoint, say, unreachable));
  }
  const plugin = `${registry.has("judge", spec.type) ? "judge" : "endpoint"}/${spec.type}`;
  const identity = [base, productIdentity(judge), judge.identity ?? null];
  return { judge, plugin, title, key: hashOf(identity), notes };
}

async function prepared(
  endpoint: Endpoint,
  say: (line: string) => void,
  unreachable?: (message: string) => void,
): Promise<void> {
  try {
    await endpoint.prepare?.(say);
  } catch (error) {
    if (unreachable === undefined || !(error instanceof HubUnreachable)) throw error;
    unreachable(error.message);
  }
}

/** A list of judges is a panel's options, which are written at the list itself. */
function judgePlace(place: PlaceOf, models: EvalConfig["evaluator_llm"]): PlaceOf {
  if (!Array.isArray(models)) return place;
  return models.length === 1 ? placeUnder(place, 0) : (_args, _judges, ...path) => place(...path);
}

function judgeOfModels(models: EvalConfig["evaluator_llm"]): JudgeSpec | undefined {
  if (!Array.isArray(models)) return models;
  return models.length === 1 ? models[0] : { type: "panel", args: { judges: models } };
}
