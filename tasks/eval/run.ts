/**
 * One evaluation: generate → judge → score → report. Each stage can be run alone on what the ones before it left in the run
 * directory, and a run that was stopped or killed continues where it was.
 * @module
 */
import { join } from "@std/path";

import { counted } from "../../formats/counted.ts";
import { statOrNull } from "../../formats/exists.ts";
import { provisionalFolder } from "../../formats/provisional_folder.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import type { PlaceOf } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import { Failures, failureText } from "../ask/failures.ts";
import { openCache } from "../ask/response_cache.ts";
import type { Stopped } from "../ask/stopped.ts";
import { Meter, type Usage } from "../ask/usage.ts";
import { askParties } from "./asking/ask_parties.ts";
import type { EvalConfig } from "./config/config.ts";
import { takeOver, untouched } from "./plan/earlier_start.ts";
import { ItemStore } from "./store/item_store.ts";
import { makeParties } from "./asking/parties.ts";
import { otherVersionNote, refuseOtherRun } from "./asking/provenance.ts";
import { PageSurvey } from "./report/page_survey.ts";
import { earlierReports, writeReports } from "./report/mod.ts";
import { type EvalResults, scoreRun } from "./results/results.ts";
import { writeEvalRunYaml } from "./config/run_yaml.ts";
import { EVAL_STAGES, type EvalStage } from "./asking/stages.ts";
import { storedItems, type StoredRun } from "./store/stored.ts";
import { refuseUnasked } from "./asking/unasked.ts";
import { removeReleased } from "./report/released.ts";

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
  /** Gets a line while a model is downloaded; `say` by default. */
  sayDownload?: (line: string) => void;
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
  /** Scores and counts, also in results.json; null when only generate or judge ran, or nothing could be scored. */
  results: EvalResults | null;
  /** Why there are no scores and reports although they were asked for; null when there are, or weren't to be. */
  unreported: string | null;
  /** True if every item has an outcome. */
  complete: boolean;
  /** Why it stopped before its end; null when it didn't. */
  stopped: Stopped | null;
  /** True if starting it again as it is can help: it was stopped, or met errors that may pass. */
  resumable: boolean;
  /** False: the directory still holds an earlier run and its run.yaml, as nothing came that replaces it. */
  begun: boolean;
  /** Files that were written. */
  files: { name: string; what: string }[];
}

/**
 * Carries out an evaluation.
 * @throws {RangeError} If anything in the configuration is wrong, the directory holds another run, or a stage's answers are missing; before
 * any request
 * @throws {Stopped} If the signal comes before anything is asked; later it ends the run, and `stopped` has it
 */
export async function evaluate(
  config: EvalConfig,
  registry: Registry,
  options: EvaluateOptions = {},
): Promise<Evaluated> {
  const { stage, signal = new AbortController().signal, say = () => {}, progress = () => {}, placeOf } =
    options;
  const does = (which: EvalStage) => stage === undefined || stage === which;
  const { version = "", rejudge = false, sayDownload = say } = options;
  const parties = await makeParties(config, registry, { does, say, sayDownload, version, placeOf });
  const { part, model, judge, provenance } = parties;

  if (!does("generate")) requireAnswers(config.out_dir);
  refuseUnasked(config, parties, does);
  using _folder = provisionalFolder(config.out_dir, "out_dir");
  using store = new ItemStore(config.out_dir, { provisional: true });
  tellStore(store, say);
  const overwrite = config.overwrite && does("generate");
  if (!overwrite) {
    refuseOtherRun(parties.before, provenance, store, { out_dir: config.out_dir, model });
    const note = otherVersionNote(parties.before, part, store, does("judge"));
    if (note !== null) say(note);
  }
  const fresh = options.fresh === true || overwrite, folder = options.cacheFolder;
  using cache = model === null && judge === null ? null : openCache(config, fresh, { folder });
  const begin = () => {
    writeEvalRunYaml(config, provenance);
    if (overwrite) removeReleased(parties.before, { config, part, provenance });
  };
  const earlier = { overwrite, begin, fresh: options.fresh === true, rejudge, cache, say, placeOf, signal };
  const { items: total, passedOver } = await takeOver(config, parties, store, earlier);
  store.keep();

  const meter = new Meter(config.budget), failures = new Failures();
  using ownCache = rejudge && !fresh && judge !== null ? openCache(config, true, { folder }) : null;
  const asked = await askParties(parties, {
    config,
    part,
    store,
    total,
    progress: (name, done, of) => progress(name, done, of, meter.usage()),
    failures,
  }, { cache, judgeCache: ownCache ?? cache, meter, passedOver, signal, say });
  const run = { config, part, store, provenance };
  return await conclude(run, { ...asked, total, usage: meter.usage(), failures }, {
    does,
    overwrite,
    prices: {
      model: model?.endpoint.prices ?? pricesOf(config.model),
      judge: pricesOf(config.judge ?? config.evaluator_llm),
    },
    say,
    placeOf,
  });
}

/** Tells what is to be known of a run's items before anything is asked. */
function tellStore(store: ItemStore, say: (line: string) => void): void {
  if (!store.isLocked) {
    say("note: out_dir: its file system knows no locks, so nothing keeps a second run out");
  }
  if (store.dropped > 0) say(`A line that was cut off (${store.dropped} bytes) was removed from items.jsonl`);
}

/** What came of asking. */
interface Asked {
  stopped: Stopped | null;
  /** True if the judge's turn came. */
  judging: boolean;
  /** Items of the run. */
  total: number;
  usage: Usage;
  failures: Failures;
}

/** Scores and writes reports where that is to be done and there is something to score; the run's end in any case. */
async function conclude(
  run: StoredRun,
  { stopped, judging, total, usage, failures }: Asked,
  { does, overwrite, prices, say, placeOf }: {
    does: (which: EvalStage) => boolean;
    overwrite: boolean;
    prices: Parameters<typeof scoreRun>[0]["prices"];
    say: (line: string) => void;
    placeOf: PlaceOf | undefined;
  },
): Promise<Evaluated> {
  const { config, store } = run;
  const files: Evaluated["files"] = [
    { name: "run.yaml", what: "every key of this run" },
    { name: "items.jsonl", what: "each item's answer and verdicts" },
  ];
  const ended = {
    directory: config.out_dir,
    stopped,
    files,
    resumable: resumable(stopped, failures),
    begun: store.forgotten("generate") === 0,
    unreported: null,
  };
  const tellFailures = () => failures.list().forEach((failure) => say(failureText(failure)));
  if (!does("score") && !does("report")) {
    say(usageText(store.count("generate"), total, usage) + untouched(store));
    tellFailures();
    return { ...ended, results: null, complete: stopped === null && failures.size === 0 };
  }
  const isUntouched = untouched(store) !== "";
  const isWhole = stopped === null && !isUntouched && failures.size === 0;
  const unreported = isWhole ? null : await nothingToReport(run, total, judging);
  if (unreported !== null) {
    tellFailures();
    const kept = await earlierReports(run, overwrite && !isUntouched);
    return { ...ended, results: null, complete: false, unreported: unreported + kept };
  }
  const page = does("report") ? new PageSurvey(config.page_items) : null;
  const watch = page && { watch: page.add.bind(page) };
  const results = await scoreRun({ ...run, usage, failures, prices, stopped, ...watch });
  files.push(...await writeReports(run, results, page, { say, placeOf }));
  return { ...ended, results, complete: results.complete };
}

/**
 * Refuses a stage that works on answers where none are kept: it would write reports in which nothing is answered over those of the run.
 * @throws {RangeError} If items.jsonl is missing or empty
 */
function requireAnswers(directory: string): void {
  const file = statOrNull(join(directory, "items.jsonl"));
  if (file !== null && file.size > 0) return;
  throw new RangeError(
    `Cannot judge, score or report ${directory} as its answers are needed: current value is ${
      file === null ? "no items.jsonl" : "an empty items.jsonl"
    }; restore that file, or run without --stage or --rescore, which asks the model`,
  );
}

/**
 * Why a run that stopped or met errors has nothing to score: not one answer, or no verdict although the judge's turn came or every item is
 * answered; null when it has something. What another model or judge gave isn't counted.
 * @param judging True if the judge's turn came
 */
async function nothingToReport(run: StoredRun, total: number, judging: boolean): Promise<string | null> {
  let answered = 0, toJudge = 0;
  for await (const { answer, response, judgement } of storedItems(run)) {
    if (judgement !== null) return null;
    if (answer !== null) answered++;
    if (response !== null) toJudge++;
  }
  const kept = untouched(run.store);
  if (answered === 0) {
    return `None of ${counted(total, "item")} is answered: no scores and no report are written${kept}`;
  }
  // what has no text is an outcome without a judge
  if (kept === "" && (toJudge === 0 || (answered < total && !judging))) return null;
  return `${
    counted(answered, "answer", ["is", "are"])
  } kept, none of them judged: no scores and no report are written${kept}`;
}

/** True if starting again as it is can help. */
function resumable(stopped: Stopped | null, failures: Failures): boolean {
  if (stopped !== null) return stopped.passing;
  return failures.size === 0 || failures.passing;
}

function usageText(answered: number, total: number, { requests, cached, seconds }: Usage): string {
  return `${answered} of ${total} items are answered; ${
    counted(requests, "request")
  }, ${cached} from the cache, ${seconds.toFixed(1)} s`;
}

function pricesOf(spec: unknown): Endpoint["prices"] {
  const args = (spec as { args?: { prices?: Endpoint["prices"] } } | undefined)?.args;
  return args?.prices;
}
