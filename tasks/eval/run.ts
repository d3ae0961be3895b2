/**
 * One evaluation: generate → judge → score → report. Each stage can be run alone on what the ones before it left in the run
 * directory, and a run that was stopped or killed goes on where it was.
 * @module
 */
import { UniqueIds } from "../../formats/records/ids.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import type { PlaceOf } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import { Asker, type Stopped } from "./asker.ts";
import type { EvalConfig } from "./config.ts";
import { ItemStore } from "./item_store.ts";
import { type BenchmarkPart, makeBenchmark, makeJudge, makeModel } from "./parts.ts";
import { writeReports } from "./report/mod.ts";
import { defaultCachePath, ResponseCache } from "./response_cache.ts";
import { type Results, scoreRun, writeResults } from "./results.ts";
import { type EvalProvenance, readEvalRunYaml, writeEvalRunYaml } from "./run_yaml.ts";
import { EVAL_STAGES, type EvalStage, generate, judgeAll, type Run } from "./stages.ts";
import { itemsOf } from "./stored.ts";
import { Meter } from "./usage.ts";

export { EVAL_STAGES, type EvalStage };

/** What a caller may set. */
export interface EvaluateOptions {
  /** Only this stage; default: all. */
  stage?: EvalStage;
  /** Aborted to stop: what is under way is let finish, what is done stays. */
  signal?: AbortSignal;
  /** Gets a line of text for people. */
  say?: (line: string) => void;
  /** Gets how far a stage is. */
  progress?: (stage: EvalStage, done: number, total: number) => void;
  /** Version of the project, for run.yaml. */
  version?: string;
  /** Where keys were written, for messages. */
  at?: PlaceOf;
}

/** How an evaluation ended. */
export interface Evaluated {
  /** Scores and counts, also in results.json; null when only generate or judge ran. */
  results: Results | null;
  /** Whether every item has an outcome. */
  complete: boolean;
  /** Why it stopped before its end; null when it didn't. */
  stopped: Stopped | null;
  /** Files that were written. */
  files: { name: string; what: string }[];
}

/**
 * Carries out an evaluation.
 * @throws {RangeError} If anything in the configuration is wrong, or the directory holds another run; before any request
 * @throws {Stopped} Never: it is handed back with the results
 */
export async function evaluate(
  config: EvalConfig,
  registry: Registry,
  options: EvaluateOptions = {},
): Promise<Evaluated> {
  const { stage, signal = new AbortController().signal, say = () => {}, progress = () => {}, at } = options;
  const does = (which: EvalStage) => stage === undefined || stage === which;
  const part = makeBenchmark(config, registry, at);
  const before = readEvalRunYaml(config.out_dir);
  const judge = does("judge") ? await makeJudge(config, registry, part, at) : null;
  for (const note of judge?.notes ?? []) say(`note: ${note}`);
  const model = does("generate") ? await makeModel(config, registry, at) : null;
  for (const note of model?.endpoint.notes ?? []) say(`note: ${note}`);
  const provenance = provenanceOf(part, model, judge, before, options.version ?? "");

  if (config.budget.money !== undefined) {
    needPrices([model?.endpoint, ...judge?.judge?.endpoints ?? []]);
  }

  Deno.mkdirSync(config.out_dir, { recursive: true });
  using store = new ItemStore(config.out_dir);
  if (store.dropped > 0) say(`A line that was cut off (${store.dropped} bytes) was removed from items.jsonl`);
  refuseOtherRun(before, provenance, store, config, say);
  await writeEvalRunYaml(config, provenance);

  const meter = new Meter(config.budget);
  using cache = config.cache === false
    ? null
    : new ResponseCache(typeof config.cache === "string" ? config.cache : defaultCachePath());
  // What requests cost is learnt from answers, so a run that must not spend too much asks for one first.
  const counted = config.budget.tokens !== undefined || config.budget.money !== undefined;
  const askerOf = (processes: number) =>
    new Asker({
      cache,
      meter,
      signal,
      start: counted ? 1 : processes,
      concurrency: config.concurrency,
      retries: config.max_retries,
    });
  const total = await countItems(config, part);
  const failures: Run["failures"] = new Map();
  const runWith = (asker: Asker): Run => ({ config, part, store, asker, total, progress, failures });

  let stopped: Stopped | null = null;
  try {
    if (model !== null) {
      stopped = await generate(runWith(askerOf(config.infer_processes)), model.endpoint, provenance.answers);
    }
    if (judge !== null && stopped === null) {
      stopped = await judgeAll(runWith(askerOf(config.eval_processes)), judge.judge, provenance);
    }
  } finally {
    for (const endpoint of [model?.endpoint, ...judge?.judge?.endpoints ?? []]) await endpoint?.close();
    store.flush();
  }

  const files: Evaluated["files"] = [
    { name: "run.yaml", what: "every key of this run" },
    { name: "items.jsonl", what: "what became of each item" },
  ];
  let results: Results | null = null;
  if (does("score") || does("report")) {
    const prices = {
      model: model?.endpoint.prices ?? pricesOf(config.model),
      judge: pricesOf(config.judge ?? config.evaluator_llm),
    };
    results = await scoreRun({
      config,
      part,
      store,
      provenance,
      total,
      usage: meter.usage(),
      failures,
      prices,
      stopped,
    });
    const outFile = await writeResults(config, part, store, provenance, results);
    files.push({ name: "results.json", what: "scores, intervals, counts" }, {
      name: outFile,
      what: "the released shape",
    });
  }
  if (results !== null && does("report")) {
    files.push(...await writeReports({ config, part, store, provenance }, results));
  }
  if (results === null) {
    const { requests, cached, seconds } = meter.usage();
    say(
      `${
        store.count("generate")
      } of ${total} items are answered; ${requests} requests, ${cached} from the cache, ` +
        `${seconds.toFixed(1)} s`,
    );
    for (const [kind, { count, example }] of failures) {
      say(`${count} times ${kind}: ${example.slice(0, 300)}`);
    }
  }
  const complete = results === null ? stopped === null && failures.size === 0 : results.complete;
  return { results, complete, stopped, files };
}

/**
 * How many items a run has.
 * @throws {SyntaxError} If one can't be read
 * @throws {RangeError} If two have the same id, or there is none
 */
export async function countItems(config: EvalConfig, part: BenchmarkPart): Promise<number> {
  const ids = new UniqueIds();
  for await (const { id } of itemsOf(config, part)) {
    if (ids.claim(id, ids.size) !== undefined) {
      throw new RangeError(`Cannot evaluate ${part.name} as two items have the id "${id}"`);
    }
  }
  if (ids.size === 0) throw new RangeError(`Cannot evaluate ${part.name} as it has no items`);
  return ids.size;
}

function provenanceOf(
  part: BenchmarkPart,
  model: Awaited<ReturnType<typeof makeModel>> | null,
  judge: Awaited<ReturnType<typeof makeJudge>> | null,
  before: EvalProvenance | null,
  version: string,
): EvalProvenance {
  const missing = (stage: EvalStage): never => {
    throw new RangeError(
      `Cannot run this stage alone as the directory has no run yet: run the stage ${stage} first`,
    );
  };
  return {
    dinotune: version,
    benchmark: `${part.name} ${part.version}`,
    model: model?.endpoint.model ?? before?.model ?? missing("generate"),
    endpoint: model?.plugin ?? before?.endpoint ?? missing("generate"),
    answers: model?.key ?? before?.answers ?? missing("generate"),
    judged_by: judge?.title ?? before?.judged_by ?? "",
    judge: judge?.key ?? before?.judge ?? "",
  };
}

function refuseOtherRun(
  before: EvalProvenance | null,
  now: EvalProvenance,
  store: ItemStore,
  { out_dir, overwrite }: EvalConfig,
  say: (line: string) => void,
): void {
  if (before === null || store.count("generate") === 0) return;
  const changed = (["benchmark", "model", "endpoint", "answers"] as const).filter((key) =>
    before[key] !== now[key]
  );
  if (changed.length === 0) return;
  const what = changed.includes("benchmark")
    ? `${before.benchmark} (now ${now.benchmark})`
    : changed.includes("model")
    ? `the model ${before.model} (now ${now.model})`
    : `the model ${before.model} with other weights, address, sampling or version`;
  if (overwrite) {
    say(
      `${store.count("generate")} answers of a run of ${what} are removed from ${out_dir} (overwrite: true)`,
    );
    store.clear();
    return;
  }
  throw new RangeError(
    `Cannot go on in ${out_dir} as it holds ${store.count("generate")} answers of a run of ${what}: ` +
      "choose another out_dir, remove this one, or set overwrite=true",
  );
}

/** @throws {RangeError} If an answer would cost nobody knows how much. */
function needPrices(endpoints: readonly (Endpoint | undefined)[]): void {
  for (const endpoint of endpoints) {
    if (endpoint === undefined || endpoint.prices !== undefined || endpoint.spends === false) continue;
    throw new RangeError(
      `Cannot keep a budget of money as the prices of ${endpoint.model} are needed: give args.prices: ` +
        "{input, output}, of a million tokens each, or a budget of tokens",
    );
  }
}

function pricesOf(spec: unknown): Endpoint["prices"] {
  const args = (spec as { args?: { prices?: Endpoint["prices"] } } | undefined)?.args;
  return args?.prices;
}
