/**
 * Keys of an evaluation's configuration, and what they become.
 * @module
 */
import { z } from "zod";

import { type RequestSampling, SamplingOptions } from "../../../plugins/kinds/sampling.ts";
import { BudgetLimits, MaxRetries } from "../../ask/limits_schema.ts";
import type { CacheChoice } from "../../ask/response_cache.ts";
import type { Budget } from "../../ask/usage.ts";

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

/** Reports that are written only when asked for. */
export const FORMATS = ["junit", "github"] as const;

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of a number, or of a text such as `36h` or `7d`. */
const Age = z.union([
  z.number().positive(),
  z.string().regex(/^(?=.*[1-9])\d+(\.\d+)?[smhdw]$/)
    .transform((text) => Number(text.slice(0, -1)) * (SECONDS[text.slice(-1)] ?? NaN)),
], "must be seconds, or a number with s, m, h, d or w, such as 7d");

const Cache = z.strictObject({
  path: z.string().min(1).optional().describe("the file; default: in DINOTUNE_CACHE, else ~/.cache/dinotune"),
  max_age: Age.optional().describe("older answers are asked for again: seconds, or 12h, 7d"),
});

const THRESHOLD = "must be a number such as 0.7, or limits by the names of scores such as {followed: 0.7}";

/** Keys under `evaluator`. */
export const Schema = z.strictObject({
  type: z.string().min(1).describe(
    "benchmark plugin: trace, ifeval, ifbench, cfbench, constraints, rows, or one of your own",
  ),
  args: Args.nullish().transform((args) => args ?? {}).describe("options of the benchmark"),
  dataset: Dataset.optional().describe("rows of the benchmark; default: those that come along"),
  model: Model.describe("the model under test: type, args, run_args"),
  evaluator_llm: z.union([JudgeModel, z.array(JudgeModel).min(1)]).optional().describe(
    "judge model, where the benchmark needs one; several in a list are a panel",
  ),
  judge: JudgeModel.optional().describe(
    "judge plugin (rules, panel, recorded, model) instead of the benchmark's own way",
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
  max_retries: MaxRetries,
  max_samples: z.int().positive().optional().describe("only the first so many items"),
  budget: BudgetLimits,
  threshold: z.union(
    [z.number(), z.record(z.string(), z.number())],
    THRESHOLD,
  ).refine((limits) => typeof limits === "number" || Object.keys(limits).length > 0, THRESHOLD).optional()
    .describe(
      "lowest headline score, or scores by name, of all items; below it the exit code is 3",
    ),
  max_unscored: z.number().min(0).refine(
    (most) => most < 1 || Number.isInteger(most),
    "must be a whole number of things, or a share below 1",
  ).default(0).describe(
    "up to so many things without a score (below 1: such a share) are left out of a threshold's score; more are all misses",
  ),
  formats: z.array(z.enum(FORMATS)).default([]).describe(
    "further reports: junit (junit.xml), github (annotations, and the summary of the job)",
  ),
  cache: z.union([z.boolean(), z.string().min(1), Cache], {
    // a fault inside of the map is told by itself
    error: ({ input }) =>
      typeof input === "object" && input !== null
        ? undefined
        : "must be auto, true, false, a path, or {path, max_age: 7d}",
  }).default("auto").describe(
    "answers kept across runs: auto (of models on this machine), true (of all), false, a path, or {path, max_age}",
  ),
  overwrite: z.boolean().default(false).describe(
    "whether what out_dir holds of an earlier run is removed with the first new answer, and nothing is taken from the cache",
  ),
  seed: z.int().min(0).default(0).describe("of the bootstrap"),
  resamples: z.int().min(100).max(1_000_000).default(1000).describe("of the bootstrap"),
  page_items: z.int().min(0).default(20_000).describe("most items that report.html lets one browse"),
  plugins: z.array(z.string()).default([]).describe("modules with plugins of your own"),
});

/** Keys under `evaluator`, with their descriptions; {@linkcode EvalConfig} is what they become. */
export const EvaluatorOptions: z.ZodObject = Schema;

/** A model under test or a judge, as a configuration names it. */
export interface NamedPlugin {
  /** Name of a plugin, or a released type such as `vllm`. */
  type: string;
  /** Options of the plugin, as written. */
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
  model: { type: string; args: Record<string, unknown>; run_args: RequestSampling };
  /** Judge model, or several as a panel. */
  evaluator_llm?: NamedPlugin | NamedPlugin[] | undefined;
  /** Judge plugin, instead of the benchmark's own way. */
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
  /** Times that a request is sent again after an error that may pass. */
  max_retries: number;
  /** Only the first so many items. */
  max_samples?: number | undefined;
  /** Limits of one start. */
  budget: Budget;
  /** Lowest headline score, or scores by name, of all items. */
  threshold?: number | Record<string, number> | undefined;
  /** Things without a score, below 1 as a share, that a threshold's score may leave out. */
  max_unscored: number;
  /** Further reports. */
  formats: (typeof FORMATS)[number][];
  /** Whose answers are kept across runs, in which file, and for how many seconds. */
  cache: CacheChoice;
  /** True if what `out_dir` holds is removed with the first new answer, and nothing is taken from the cache. */
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
