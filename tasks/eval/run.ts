/**
 * One evaluation: generate → judge → score → report. Each stage can be run alone on what the ones before it left in the run
 * directory, and a run that was stopped or killed continues where it was.
 * @module
 */
import { makeFolder } from "../../formats/atomic.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import type { PlaceOf } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import { Asker } from "../ask/asker.ts";
import type { Stopped } from "../ask/stopped.ts";
import { cachedAnswers, cachedVerdicts } from "./cache_notes.ts";
import { changedItems } from "./changed_items.ts";
import type { EvalConfig } from "./config.ts";
import { Failures, failureText } from "../ask/failures.ts";
import { ItemStore } from "./item_store.ts";
import { makeBenchmark, makeJudge, makeModel } from "./parts.ts";
import { provenanceOf, refuseOtherRun } from "./provenance.ts";
import { PageSurvey } from "./report/page_survey.ts";
import { writeReports } from "./report/mod.ts";
import { openCache } from "../ask/response_cache.ts";
import { type EvalResults, scoreRun } from "./results.ts";
import { readEvalRunYaml, writeEvalRunYaml } from "./run_yaml.ts";
import { EVAL_STAGES, type EvalStage, generate, judgeAll, type Run } from "./stages.ts";
import { surveyItems } from "./survey.ts";
import { otherModelNotes } from "../ask/other_model.ts";
import { Meter, needPrices, type Usage } from "../ask/usage.ts";

export { EVAL_STAGES, type EvalStage };

/** Options of an evaluation. */
export interface EvaluateOptions {
  /** Only this stage; default: all. */
  stage?: EvalStage;
  /** Answers are requested without the response cache. */
  fresh?: boolean;
  /** Folder of the response cache, where the configuration names no file; default: as DINOTUNE_CACHE says. */
  cacheFolder?: string;
  /** Verdicts are given again, those of a finished run too. */
  rejudge?: boolean;
  /** Aborted to stop: what is under way is let finish, what is done stays. */
  signal?: AbortSignal;
  /** Called with human-readable lines. */
  say?: (line: string) => void;
  /** Called with how far a stage is. */
  progress?: (stage: EvalStage, done: number, total: number, usage: Usage) => void;
  /** Version of the project, for run.yaml. */
  version?: string;
  /** Where keys were written, for messages. */
  placeOf?: PlaceOf;
}

/** Result of an evaluation. */
export interface Evaluated {
  /** Directory of the run. */
  directory: string;
  /** Scores and counts, also in results.json; null when only generate or judge ran. */
  results: EvalResults | null;
  /** True if every item has an outcome. */
  complete: boolean;
  /** Why it stopped before its end; null when it didn't. */
  stopped: Stopped | null;
  /** True if starting it again as it is can help: it was stopped, or met errors that may pass. */
  resumable: boolean;
  /** Files that were written. */
  files: { name: string; what: string }[];
}

/**
 * Carries out an evaluation.
 * @throws {RangeError} If anything in the configuration is wrong, or the directory holds another run; before any request
 */
export async function evaluate(
  config: EvalConfig,
  registry: Registry,
  options: EvaluateOptions = {},
): Promise<Evaluated> {
  const { stage, signal = new AbortController().signal, say = () => {}, progress = () => {}, placeOf } =
    options;
  const does = (which: EvalStage) => stage === undefined || stage === which;
  const part = makeBenchmark(config, registry, placeOf);
  const before = readEvalRunYaml(config.out_dir);
  const judge = does("judge") ? await makeJudge(config, registry, part, placeOf, say) : null;
  for (const note of judge?.notes ?? []) say(`note: ${note}`);
  const model = does("generate") ? await makeModel(config.model, registry, placeOf, ["model"], say) : null;
  for (const note of model?.endpoint.notes ?? []) say(`note: ${note}`);
  const provenance = provenanceOf(part, model, judge, before, options.version ?? "");

  if (config.budget.money !== undefined) {
    needPrices([model?.endpoint, ...judge?.judge?.endpoints ?? []]);
  }

  makeFolder(config.out_dir);
  using store = new ItemStore(config.out_dir);
  if (!store.isLocked) {
    say("note: out_dir: its file system knows no locks, so nothing keeps a second run out");
  }
  if (store.dropped > 0) say(`A line that was cut off (${store.dropped} bytes) was removed from items.jsonl`);
  const overwrite = config.overwrite && does("generate");
  if (!overwrite) refuseOtherRun(before, provenance, store, config, model);
  const fresh = options.fresh === true || overwrite;
  using cache = model === null && judge === null
    ? null
    : openCache(config, fresh, { folder: options.cacheFolder });
  // before anything of an earlier run is removed
  const toAsk = cachedAnswers(cache, model, config, {
    has: (id, key) => !overwrite && store.has("generate", id, key),
  });
  const changed = changedItems(store, overwrite ? null : model);
  const { items: total } = await surveyItems(config, part, placeOf, (item) => {
    toAsk.see(item);
    changed.see(item);
  });

  const answered = store.count("generate");
  if (overwrite && answered + store.count("judge") > 0) {
    say(`${answered} answers of an earlier run are removed from ${config.out_dir} (overwrite: true)`);
    store.clear();
  } else if (options.fresh && answered > 0) {
    say(`note: ${answered} answers stay as they are in ${config.out_dir}; overwrite=true removes them`);
  }
  if (options.rejudge && judge !== null && store.count("judge") > 0) {
    say(`${store.count("judge")} verdicts are given again`);
    store.forget("judge");
  }
  for (const line of [changed.text(), toAsk.text()]) if (line !== null) say(line);
  await writeEvalRunYaml(config, provenance);

  const meter = new Meter(config.budget);
  const failures = new Failures();
  using judgeCache = options.rejudge && !fresh && judge !== null
    ? openCache(config, true, { folder: options.cacheFolder })
    : null;
  // Costs of requests are learnt from answers, so a run that must not spend too much asks for one first.
  const counted = config.budget.tokens !== undefined || config.budget.money !== undefined;
  const runWith = (
    kept: typeof cache,
    processes: number,
    onCached: (endpoint: Endpoint, made: string) => void,
  ): Run => ({
    config,
    part,
    store,
    asker: new Asker({
      cache: kept,
      onCached,
      onOtherModel: otherModelNotes(say),
      meter,
      signal,
      start: counted ? 1 : processes,
      concurrency: config.concurrency,
      retries: config.max_retries,
    }),
    total,
    progress: (name, done, of) => progress(name, done, of, meter.usage()),
    failures,
  });

  let stopped: Stopped | null = null;
  try {
    if (model !== null) {
      stopped = await generate(runWith(cache, config.infer_processes, () => {}), model.endpoint, provenance);
    }
    if (judge !== null && stopped === null) {
      const run = runWith(judgeCache ?? cache, config.eval_processes, cachedVerdicts(say));
      stopped = await judgeAll(run, judge, provenance);
    }
  } finally {
    for (const endpoint of [model?.endpoint, ...judge?.judge?.endpoints ?? []]) await endpoint?.close();
    store.flush();
  }

  const files: Evaluated["files"] = [
    { name: "run.yaml", what: "every key of this run" },
    { name: "items.jsonl", what: "each item's answer and verdicts" },
  ];
  const ended = { directory: config.out_dir, stopped, files, resumable: resumable(stopped, failures) };
  if (!does("score") && !does("report")) {
    say(usageText(store.count("generate"), total, meter.usage()));
    for (const failure of failures.list()) say(failureText(failure));
    return { ...ended, results: null, complete: stopped === null && failures.size === 0 };
  }
  const page = does("report") ? new PageSurvey(config.page_items) : null;
  const run = { config, part, store, provenance };
  const results = await scoreRun({
    ...run,
    usage: meter.usage(),
    failures,
    prices: {
      model: model?.endpoint.prices ?? pricesOf(config.model),
      judge: pricesOf(config.judge ?? config.evaluator_llm),
    },
    stopped,
    ...(page && { watch: page.add.bind(page) }),
  });
  files.push(...await writeReports(run, results, page, { say, placeOf }));
  return { ...ended, results, complete: results.complete };
}

/** True if starting again as it is can help. */
function resumable(stopped: Stopped | null, failures: Failures): boolean {
  if (stopped !== null) return stopped.passing;
  return failures.size === 0 || failures.passing;
}

function usageText(answered: number, total: number, { requests, cached, seconds }: Usage): string {
  return `${answered} of ${total} items are answered; ${requests} requests, ${cached} from the cache, ${
    seconds.toFixed(1)
  } s`;
}

function pricesOf(spec: unknown): Endpoint["prices"] {
  const args = (spec as { args?: { prices?: Endpoint["prices"] } } | undefined)?.args;
  return args?.prices;
}
