/**
 * The configuration of a synthesis: YAML under the key `synth`, and `key=value` arguments over it.
 * @module
 */
import { z } from "zod";

import { readYaml } from "../../formats/yaml/yaml.ts";
import type { PlaceOf } from "../../plugins/kinds/place.ts";
import { SamplingOptions } from "../../plugins/kinds/sampling.ts";
import { BudgetLimits, MaxRetries } from "../ask/limits_schema.ts";
import { openSettings, parseSettings } from "../common/config/settings.ts";

const Model = z.strictObject({
  type: z.string().min(1).describe("endpoint plugin, such as openai, local, recorded"),
  args: z.record(z.string(), z.unknown()).nullish().transform((args) => args ?? {}).describe(
    "options of the endpoint",
  ),
  run_args: SamplingOptions.nullish().transform((run) => SamplingOptions.parse(run ?? {})).describe(
    "sampling",
  ),
});

/** Rows at most: the plan of all of them lies in memory. */
const MOST_ROWS = 10_000_000;

const weights = z.record(z.string(), z.number().nonnegative());

function isOnceEach(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}

/** Keys under `synth`. */
export const SynthOptions = z.strictObject({
  rows: z.int().positive().max(MOST_ROWS).describe("rows wanted; each has x1, y1, and what the views need"),
  name: z.string().regex(/^\w[\w.-]*$/, "must be letters, digits, dots, dashes").default("synth").describe(
    "begins the names of the data sets",
  ),
  out_dir: z.string().min(1).describe("directory of the run; the data set is in its folder dataset"),
  verify: z.enum(["judge", "rules"]).default("judge").describe(
    "judge: constraints of all kinds, checked by a model (those with a rule by the rule); " +
      "rules: only constraints with rules, no judge is asked",
  ),
  views: z.array(z.enum(["sft", "dpo", "iopo"])).min(1).refine(isOnceEach, "must have no view twice").default(
    ["sft", "dpo", "iopo"],
  ).describe(
    "data sets to make; each needs its steps",
  ),
  generator: Model.describe("the model that writes: instructions, answers, changed constraints"),
  judge: z.union([Model, z.array(Model).min(1)]).optional().describe(
    "the model that checks, or several that must agree; default: the generator, at temperature 0",
  ),
  seeds: z.strictObject({
    path: z.string().min(1).optional().describe(
      "records with plain instructions; default: those that come along",
    ),
    column: z.string().min(1).optional().describe(
      "their column; default: instruction, prompt, question, text, messages or conversations",
    ),
    license: z.string().min(1).optional().describe("their licence, for the data card"),
  }).default({}).describe("plain instructions to begin with"),
  taxonomy: z.string().min(1).optional().describe("types of constraints, a JSON file; default: TRACE's"),
  bank: z.string().min(1).optional().describe(
    "constraints with rules, a JSON file; default: IFEval's and our own",
  ),
  rules: z.array(z.string().min(1)).min(1).refine(isOnceEach, "must have no rule twice").optional().describe(
    "ids of the bank's rules to use; default: all",
  ),
  rules_share: z.number().min(0).max(1).default(0.5).describe(
    "verify: judge: share of constraints that are taken from the bank where their type has rules",
  ),
  prompts: z.string().min(1).optional().describe(
    "folder with prompts of your own, in place of the bundled ones",
  ),
  counts: z.union([
    z.literal("paper"),
    weights.refine(hasCounts, "needs whole numbers from 1 as keys, one of them with a weight above 0"),
  ])
    .default("paper").describe(
      "weight of rows by number of constraints, such as {1: 20, 2: 50, 3: 30}; paper: TRACE's",
    ),
  types: z.union([z.literal("taxonomy"), weights]).default("taxonomy").describe(
    "weight of constraints by type; taxonomy: its own weights",
  ),
  marks: z.enum(["dash", "number", "none"]).default("dash").describe("what stands before a constraint"),
  attempts: z.int().positive().default(8).describe("seeds that are tried for a row, at most"),
  tries: z.int().positive().default(4).describe(
    "verify: rules: answers that are asked for until one keeps its constraints, at most",
  ),
  hindsight: z.boolean().default(false).describe(
    "verify: rules: constraints that an answer breaks are replaced by others of their type that it keeps, " +
      "so that a model that follows little makes rows too",
  ),
  cross_check: z.boolean().default(false).describe(
    "verify: judge: also judge y1 by x2 and y2 by x1, which must not have full scores",
  ),
  duplicates: z.number().gt(0).max(1).default(0.7).describe(
    "share of common runs of three tokens from which on two instructions are near-duplicates",
  ),
  exclude: z.union([z.string().min(1).transform((path) => [path]), z.array(z.string().min(1))]).default([])
    .describe("files whose rows must not get in; those of TRACE and IFEval always are"),
  license: z.string().min(1).default("other").describe("of the data set, for the card"),
  seed: z.int().min(0).default(0).describe("of all draws"),
  concurrency: z.int().positive().default(64).describe("requests at once to one endpoint, at most"),
  start: z.int().positive().default(16).describe("requests at once to one endpoint, to begin with"),
  max_retries: MaxRetries,
  budget: BudgetLimits,
  cache: z.union([z.boolean(), z.string().min(1)]).default("auto").describe(
    "answers kept across runs: auto (of models on this machine), true (of all), false, a path",
  ),
  overwrite: z.boolean().default(false).describe(
    "whether what out_dir holds of an earlier run is removed with the first new answer, and nothing is taken from the cache",
  ),
  plugins: z.array(z.string()).default([]).describe("modules with plugins of your own"),
});

function hasCounts(given: Record<string, number>): boolean {
  return Object.keys(given).every((key) => /^[1-9]\d*$/.test(key)) && Object.values(given).some((w) => w > 0);
}

/** Values of the keys under `synth`, defaults filled in and paths resolved. */
export type SynthConfig = z.output<typeof SynthOptions>;

/** A model as the configuration names it. */
export type SynthModel = SynthConfig["generator"];

/** A configuration and where it is from. */
export interface ResolvedSynth {
  /** Every default filled in. */
  config: SynthConfig;
  /** Where a key was written. */
  placeOf: PlaceOf;
}

/** Options that name files. */
const PATHS: ReadonlySet<string> = new Set([
  ...["path", "model", "adapter", "taxonomy", "bank", "prompts", "exclude"],
]);

/**
 * Reads a file and applies arguments.
 * @throws {SyntaxError} If a file isn't YAML
 * @throws {RangeError} If a key or value is wrong; all faults at once
 */
export function readSynthConfig(path: string, overrides: readonly string[] = []): ResolvedSynth {
  const shape = {
    top: "synth",
    verb: "synthesise",
    paths: PATHS,
    files: ["generator", "judge"],
    example: "rows=100",
  };
  const keys = { data: "seeds.path", model: "generator.args.model", adapter: "generator.args.adapter" };
  const settings = openSettings(readYaml(path, { keys }), overrides, shape);
  return { config: parseSettings(SynthOptions, settings, shape.top), placeOf: settings.placeOf };
}
