/**
 * What an evaluation is made of: the benchmark, the model under test and the judge, from their names in the configuration.
 * @module
 */
import type { Benchmark } from "../../plugins/kinds/benchmark.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import { endpointOf, RELEASED_TYPES } from "../../plugins/endpoints/released_names.ts";
import { SamplingOptions } from "../../plugins/endpoints/sampling.ts";
import type { Judge, JudgeSpec } from "../../plugins/kinds/judge.ts";
import { modelJudge } from "../../plugins/judges/openai.ts";
import { describeIssue, type Registry } from "../../plugins/registry.ts";
import { didYouMean } from "../../formats/did_you_mean.ts";
import { located } from "../common/config_file.ts";
import type { EvalConfig } from "./config.ts";
import { hashOf } from "./response_cache.ts";

/** The benchmark, and a hash of what it is. */
export interface BenchmarkPart {
  /** Its name. */
  name: string;
  /** The plugin's version. */
  version: string;
  /** Its options, defaults filled in. */
  options: Record<string, unknown>;
  /** The product. */
  benchmark: Benchmark;
}

/** The model under test. */
export interface ModelPart {
  /** The product. */
  endpoint: Endpoint;
  /** Plugin and version. */
  plugin: string;
  /** Hash of what decides about its answers. */
  key: string;
}

/** The judge; `judge` is null where the benchmark checks by itself. */
export interface JudgePart {
  /** The product. */
  judge: Judge | null;
  /** Name for reports. */
  title: string;
  /** Hash of what decides about verdicts. */
  key: string;
}

/** Where a key under `evaluator` was written, for messages: `file:line:column`, or "" where that isn't known. */
export type PlaceOf = (...path: string[]) => string;

const nowhere: PlaceOf = () => "";

/**
 * Makes the benchmark.
 * @throws {RangeError} If there is none of that name
 * @throws {TypeError} If its options don't fit
 */
export function makeBenchmark(
  config: EvalConfig,
  registry: Registry,
  at: PlaceOf = nowhere,
): Promise<BenchmarkPart> {
  const { type: name, dataset, args } = config;
  const where = at(registry.has("benchmark", name) ? (dataset ? "dataset" : "args") : "type");
  return located(where, () => {
    const { version, options: schema } = registry.get("benchmark", name);
    const given = { ...args, ...(dataset && { path: dataset.args.url }) };
    if (given.path === undefined && schema.shape.path?.safeParse(undefined).success === false) {
      throw new TypeError(
        `Cannot run benchmark ${name} as it has no data of its own: give a dataset with args.url: FILE`,
      );
    }
    const options = registry.options("benchmark", name, given);
    return { name, version, options, benchmark: registry.create("benchmark", name, given) };
  });
}

/**
 * Makes the model under test.
 * @throws {RangeError} If its type is unknown, or it lacks an address or a key
 */
export async function makeModel(
  config: EvalConfig,
  registry: Registry,
  at: PlaceOf = nowhere,
): Promise<ModelPart> {
  const { type, args } = endpointOf(config.model);
  const endpoint = await located(at("model"), async () => {
    const made = makeEndpoint(type, args, registry);
    await made.prepare?.();
    return made;
  });
  const plugin = `endpoint/${type} ${registry.get("endpoint", type).version}`;
  return {
    endpoint,
    plugin,
    key: hashOf([
      plugin,
      endpoint.model,
      endpoint.identity ?? null,
      config.model.run_args,
      endpoint.thoughtTags ?? null,
    ]),
  };
}

/**
 * Makes the judge that the configuration names, or finds that the benchmark needs none.
 * @throws {RangeError} If a judge is needed and there is none, or its scale isn't the benchmark's
 */
export async function makeJudge(
  config: EvalConfig,
  registry: Registry,
  part: BenchmarkPart,
  at: PlaceOf = nowhere,
): Promise<JudgePart & { notes: string[] }> {
  const { benchmark, name, version, options } = part;
  const notes: string[] = [];
  // how a judge is asked and read belongs to the benchmark, so its name, version and options decide too
  const base = ["benchmark", name, version, options];
  if (config.judge === undefined && benchmark.check !== undefined) {
    if (config.evaluator_llm !== undefined) {
      notes.push(`evaluator_llm isn't used: ${name} is decided by rules`);
    }
    return { judge: null, title: "rules", key: hashOf(base), notes };
  }
  const spec = config.judge ?? judgeOfModels(config.evaluator_llm);
  if (spec === undefined) {
    throw new RangeError(
      `Cannot judge ${name} as a judge is needed: give evaluator_llm (a model), or judge (rules, panel, recorded)`,
    );
  }
  const where = at(config.judge === undefined ? "evaluator_llm" : "judge");
  const { judge, title } = await located(where, () => createJudge(spec, registry));
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
  for (const endpoint of judge.endpoints ?? []) await located(where, () => endpoint.prepare?.());
  return { judge, title, key: hashOf([base, spec.type, judge.identity ?? null]), notes };
}

function judgeOfModels(models: EvalConfig["evaluator_llm"]): JudgeSpec | undefined {
  if (!Array.isArray(models)) return models;
  return models.length === 1 ? models[0] : { type: "panel", args: { judges: models } };
}

/**
 * A judge by name: a judge plugin, or a model behind an endpoint; panels get their members.
 * @throws {RangeError} If the name is unknown
 */
export function createJudge(spec: JudgeSpec, registry: Registry): { judge: Judge; title: string } {
  const { type, args = {}, run_args = {} } = spec;
  const released = RELEASED_TYPES.includes(type) || type === "openai";
  // "openai" and "recorded" are names of both kinds: as a judge, the judge
  if (released || (!registry.has("judge", type) && registry.has("endpoint", type))) {
    const endpoint = endpointOf({ type, args });
    const sampling = SamplingOptions.safeParse(run_args);
    if (!sampling.success) {
      const known = Object.keys(SamplingOptions.shape);
      throw new TypeError(
        `Cannot use run_args of the judge ${type}: ${
          sampling.error.issues.map((issue) => describeIssue(issue, known)).join("; ")
        }`,
      );
    }
    const judge = modelJudge(makeEndpoint(endpoint.type, endpoint.args, registry), sampling.data);
    return { judge, title: judge.title ?? type };
  }
  if (!registry.has("judge", type)) {
    const known = [...registry.names("judge"), ...registry.names("endpoint"), ...RELEASED_TYPES];
    throw new RangeError(
      `Cannot find the judge "${type}"${didYouMean(type, known)}: known are ${
        [...new Set(known)].join(", ")
      }`,
    );
  }
  const made = registry.create("judge", type, args);
  const version = registry.get("judge", type).version;
  if (made.panel === undefined) {
    return {
      judge: { ...made, judge: made.judge.bind(made), identity: { version, ...made.identity } },
      title: made.title ?? type,
    };
  }
  const names = new Map<string, number>();
  const members = made.panel.members.map((member) => {
    const { judge, title } = createJudge(member, registry);
    const nth = (names.get(title) ?? 0) + 1;
    names.set(title, nth);
    return { name: nth === 1 ? title : `${title} (${nth})`, judge };
  });
  const judge = made.panel.of(members);
  return { judge, title: judge.title ?? type };
}

function makeEndpoint(type: string, args: Record<string, unknown>, registry: Registry): Endpoint {
  if (!registry.has("endpoint", type)) {
    const known = [...new Set([...registry.names("endpoint"), ...RELEASED_TYPES])];
    throw new RangeError(
      `Cannot find the endpoint "${type}"${didYouMean(type, known)}: known are ${known.join(", ")}`,
    );
  }
  return registry.create("endpoint", type, args);
}
