/**
 * One synthesis: plan, rounds, data set, report. A run that was stopped or killed continues where it was.
 * @module
 */
import { provisionalFolder } from "../../formats/provisional_folder.ts";
import { nowhere, type PlaceOf } from "../../plugins/kinds/place.ts";
import type { Registry } from "../../plugins/registry.ts";
import { Asker } from "../ask/asker.ts";
import type { Stopped } from "../ask/stopped.ts";
import { Failures } from "../ask/failures.ts";
import { LineStore } from "../ask/line_store.ts";
import { replacedText, untouchedText } from "../ask/replaced_text.ts";
import { openCache } from "../ask/response_cache.ts";
import { otherModelNotes } from "../ask/other_model.ts";
import { Meter, needPrices, type Usage } from "../ask/usage.ts";
import { refuseOtherIdentity, writeRunIdentity } from "../common/folders/run_identity.ts";
import type { SynthConfig } from "./config.ts";
import { removeOtherViews, viewsIn, writeDataset } from "./dataset.ts";
import { synthClaim } from "./identity.ts";
import { openModels, openWorkshop, planSynthesis } from "./open_shop.ts";
import { writeSynthReports } from "./report/mod.ts";
import { type Results, resultsOf } from "./results.ts";
import { type Made, makeRows } from "./rounds.ts";
import { StepAsker, SYNTH_STAGES, type SynthLine } from "./step_asker.ts";

/** Options of {@linkcode synthesize}. */
export interface SynthesizeOptions {
  /** Aborted to stop: what is under way is let finish, what is done stays. */
  signal?: AbortSignal;
  /** Called with human-readable lines. */
  say?: (line: string) => void;
  /** Called after each draft with the state of its round. */
  progress?: (round: number, done: number, total: number, usage: Usage) => void;
  /** Version of the project, for run.yaml. */
  version?: string;
  /** Where keys were written, for messages. */
  placeOf?: PlaceOf;
}

/** Result of {@linkcode synthesize}. */
export interface Synthesized {
  /** Directory of the run. */
  directory: string;
  /** Counts, also in results.json unless `unreported`. */
  results: Results;
  /** Why it stopped before its end; null when it didn't. */
  stopped: Stopped | null;
  /** Why no data set and no report were written: no answer came, or none in place of an earlier run's (`overwrite`); null where they were. */
  unreported: string | null;
  /** False: the directory still holds an earlier run and its run.yaml, as nothing came that replaces it. */
  begun: boolean;
  /** Files that were written. */
  files: { name: string; what: string }[];
}

/**
 * Carries out a synthesis.
 * @throws {RangeError} If anything in the configuration is wrong, or the directory holds another run; before any request
 */
export async function synthesize(
  config: SynthConfig,
  registry: Registry,
  options: SynthesizeOptions = {},
): Promise<Synthesized> {
  const { say = () => {}, progress = () => {}, placeOf = nowhere, version = "" } = options;
  const signal = options.signal ?? new AbortController().signal;
  const plan = await planSynthesis(config, placeOf);
  const models = await openModels(config, registry, placeOf, say);
  for (const note of [...plan.notes, ...models.notes]) say(`note: ${note}`);
  if (config.budget.money !== undefined) needPrices(models.endpoints);
  const claim = synthClaim(config, plan.parts.prompts);
  if (!config.overwrite) refuseOtherIdentity(claim);
  using _folder = provisionalFolder(config.out_dir, "out_dir");
  using store = openStore(config, say);
  const removeOthers = beginIn(
    store,
    config,
    () => writeRunIdentity({ ...claim, config: { ...config, overwrite: false } }, version),
    say,
  );
  using cache = openCache(config, config.overwrite);
  const meter = new Meter(config.budget);
  const failures = new Failures();
  const asker = openAsker(config, store, { cache, meter, signal, say });
  const shop = openWorkshop(plan, models, registry, new StepAsker(asker, store));
  try {
    const made = await makeRows({
      shop,
      slots: plan.slots,
      seeds: plan.seeds.seeds,
      store,
      failures,
      progress: (round, done, total) => progress(round, done, total, meter.usage()),
    });
    const results = resultsOf({ plan, shop, made, failures, usage: meter.usage(), models });
    const unreported = unreportedText(store, made, failures);
    const begun = store.forgotten("ask") === 0;
    const ended = { directory: config.out_dir, results, stopped: made.stopped, begun, unreported };
    if (unreported !== null) return { ...ended, files: [] };
    const files = [
      ...await writeDataset({ plan, models, rows: made.rows, results, version }),
      ...await writeSynthReports(config.out_dir, results, made),
    ];
    removeOthers();
    return { ...ended, files };
  } finally {
    asker.close();
    store.flush();
    for (const endpoint of models.endpoints) await endpoint.close();
  }
}

/** Opens the steps that earlier starts finished, and says what is odd about their file. */
function openStore({ out_dir }: SynthConfig, say: (line: string) => void): LineStore<SynthLine> {
  const store = new LineStore<SynthLine>(out_dir, SYNTH_STAGES);
  if (!store.isLocked) {
    say("note: out_dir: its file system knows no locks, so nothing keeps a second run out");
  }
  if (store.dropped > 0) say(`A line that was cut off (${store.dropped} bytes) was removed from items.jsonl`);
  return store;
}

function openAsker(
  config: SynthConfig,
  store: LineStore<SynthLine>,
  { cache, meter, signal, say }: {
    cache: ReturnType<typeof openCache>;
    meter: Meter;
    signal: AbortSignal;
    say: (line: string) => void;
  },
): Asker {
  // what requests cost is learnt from answers, so a run that must not spend too much asks for one first
  const isLimited = config.budget.tokens !== undefined || config.budget.money !== undefined;
  return new Asker({
    cache,
    onOtherModel: otherModelNotes(say),
    meter,
    // where nobody ever answered, failures say something about the server
    failedBefore: store.count("ask") === 0 ? 0 : store.count("unanswered"),
    signal,
    start: isLimited ? 1 : config.start,
    concurrency: config.concurrency,
    retries: config.max_retries,
  });
}

/** Why no data set and no report are written; null where they are. */
function unreportedText(store: LineStore<SynthLine>, made: Made, failures: Failures): string | null {
  const earlier = store.forgotten("ask");
  if (earlier > 0) {
    return `No new answer came: no data set and no report are written${
      untouchedText(earlier, "answer")
    }, and so do run.yaml, data set and reports`;
  }
  const isEmpty = store.count("ask") === 0 && made.rows.length === 0;
  return isEmpty && (made.stopped !== null || failures.size > 0)
    ? "No answer came: no data set and no report are written"
    : null;
}

/**
 * Begins a run in its folder; where it replaces one that has answers, only when the first new one comes.
 * @param begin Writes run.yaml
 * @returns Removes the views that the folder had before: of a run that goes on under another name, or is replaced by one
 */
function beginIn(
  store: LineStore<SynthLine>,
  config: SynthConfig,
  begin: () => void,
  say: (text: string) => void,
): () => void {
  const before = viewsIn(config.out_dir);
  const removeOthers = () => {
    const removed = removeOtherViews(before, config);
    if (removed.length > 0) say(`Removed what the run had under another name or view: ${removed.join(", ")}`);
  };
  if (config.overwrite && store.count("ask") > 0) {
    say(replacedText(store.count("ask"), config.out_dir));
    // a draft may end before anything is asked for it
    store.replace(() => {
      begin();
      removeOthers();
    }, "ask");
  } else {
    if (config.overwrite) store.clear();
    begin();
  }
  return removeOthers;
}
