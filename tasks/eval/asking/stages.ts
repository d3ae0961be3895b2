/**
 * The stages of an evaluation that ask: answers of the model under test, then judgements.
 * @module
 */
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import { type CompletionRequest, type Endpoint, lastUserText } from "../../../plugins/kinds/endpoint.ts";
import { type Ask, type JudgeRequest, JudgeUnreachable } from "../../../plugins/kinds/judge.ts";
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import { samplingOf } from "../../../plugins/kinds/sampling.ts";
import type { Asker } from "../../ask/asker.ts";
import { forEachWide } from "../../ask/for_each_wide.ts";
import { Stopped } from "../../ask/stopped.ts";
import type { EvalConfig } from "../config/config.ts";
import type { Failures } from "../../ask/failures.ts";
import type { ItemStore, JudgementState } from "../store/item_store.ts";
import type { BenchmarkPart, JudgePart } from "../parts.ts";
import { pluginFault } from "../plugin_fault.ts";
import type { EvalProvenance } from "../config/run_yaml.ts";
import { answerKey, answerOf, itemsOf, judgementKey, judgementOf, responseOf } from "../store/stored.ts";

/** Stages in their order. */
export const EVAL_STAGES = ["generate", "judge", "score", "report"] as const;

/** One of {@linkcode EVAL_STAGES}. */
export type EvalStage = typeof EVAL_STAGES[number];

/** A run in progress: what the stages share. */
export interface Run {
  /** The resolved configuration. */
  config: EvalConfig;
  /** The benchmark and its identity. */
  part: BenchmarkPart;
  /** Where answers and verdicts are kept. */
  store: ItemStore;
  /** Asks endpoints. */
  asker: Asker;
  /** Number of items. */
  total: number;
  /** Gets how far a stage is. */
  progress: (stage: EvalStage, done: number, total: number) => void;
  /** Counts errors. */
  failures: Failures;
}

/** Asks the model for every item that has no answer yet; gives why it stopped, or null. */
export async function generate(
  run: Run,
  endpoint: Endpoint,
  { answers, endpoint: plugin }: EvalProvenance,
): Promise<Stopped | null> {
  const { config, store, asker, total, failures } = run;
  const sampling = samplingOf(config.model.run_args);
  const all = config.max_samples === undefined ? total : null;
  return await stage(run, "generate", endpoint.concurrency, async (item, index) => {
    const key = answerKey(answers, item);
    if (store.has("generate", item.id, key)) return;
    const { id, messages } = item;
    const request: CompletionRequest = { ...sampling, messages, id, place: { index, total: all } };
    try {
      const { completion, cached, made, ms } = await asker.ask(endpoint, request);
      const { outcome, failure, error = "" } = completion;
      if (outcome === "error") failures.add(failure?.kind ?? "error", error, failure?.retryable ?? false);
      else store.append({ stage: "generate", id, key, completion, ms: Math.round(ms), cached, made });
    } catch (error) {
      throw pluginFault(plugin, id, error);
    }
  });
}

/** Judges every answer that has no whole judgement yet; gives why it stopped, or null. */
export async function judgeAll(
  run: Run,
  judge: JudgePart,
  provenance: EvalProvenance,
): Promise<Stopped | null> {
  const { store } = run;
  const width = judge.judge?.endpoints?.length ? undefined : 1;
  return await stage(run, "judge", width, async (item) => {
    const answer = answerOf(store, provenance, item);
    const response = answer === null ? null : responseOf(answer);
    if (response === null) return;
    const before = judgementOf(store, provenance, item, response);
    if (before !== null && isWhole(before.judgement)) return;
    const state = await judgeOne(run, judge, provenance, { item, response });
    // what was read at an earlier start isn't given up for less
    if (before === null || scoredIn(state.judgement) >= scoredIn(before.judgement)) store.append(state);
  });
}

/** True if asking a judge model again would be of no use: every constraint has its score, or no model was asked. */
function isWhole(judgement: Judgement | null): boolean {
  return judgement !== null && (judgement.reading === undefined || judgement.reading === "complete");
}

function scoredIn(judgement: Judgement | null): number {
  return judgement === null ? -1 : judgement.constraints.filter(({ score }) => score !== null).length;
}

async function judgeOne(
  { part, asker, failures }: Run,
  { judge, plugin }: JudgePart,
  provenance: EvalProvenance,
  { item, response }: { item: BenchmarkItem; response: string },
): Promise<JudgementState | JudgementState<"unjudged">> {
  const { id, constraints, messages } = item;
  const state: JudgementState = {
    stage: "judge",
    id,
    key: judgementKey(provenance.judge, item, response),
    judgement: null,
    requests: 0,
    promptTokens: 0,
    completionTokens: 0,
    ms: 0,
  };
  const ask: Ask = async (endpoint, request, round) => {
    const { completion, cached, made, ms } = await asker.ask(endpoint, request, round);
    if (cached) {
      state.cached = (state.cached ?? 0) + 1;
      if (state.made === undefined || made < state.made) state.made = made;
    } else {
      state.requests++;
      state.ms += Math.round(ms);
    }
    state.promptTokens += completion.promptTokens;
    state.completionTokens += completion.completionTokens;
    if (completion.estimated) state.estimated = true;
    return completion;
  };
  const request: JudgeRequest = {
    id,
    prompt: lastUserText(messages),
    response,
    constraints,
    item,
    ...(part.benchmark.protocol && { protocol: part.benchmark.protocol }),
    ask,
    unread: (endpoint, asked, round) => asker.forget(endpoint, asked, round),
  };
  try {
    const judgement = judge === null
      ? await checked(part, item, response)
      : await judge.judge(request, new AbortController().signal);
    return { ...state, judgement };
  } catch (error) {
    if (!(error instanceof JudgeUnreachable)) throw pluginFault(plugin, id, error);
    const { failure } = error.completion;
    failures.add(`judge: ${failure?.kind ?? "error"}`, error.message, failure?.retryable ?? false);
    // a later run judges it again
    return { ...state, stage: "unjudged", error: error.message };
  }
}

function checked(
  { name, benchmark }: BenchmarkPart,
  item: BenchmarkItem,
  response: string,
): Promise<Judgement> {
  if (benchmark.check === undefined) {
    throw new TypeError(`Cannot judge by benchmark/${name} as it has no check: give it one, or name a judge`);
  }
  return benchmark.check(item, response);
}

async function stage(
  { config, part, store, asker, total, progress }: Run,
  name: EvalStage,
  width: number | undefined,
  work: (item: BenchmarkItem, index: number) => Promise<void>,
): Promise<Stopped | null> {
  const timer = setInterval(() => store.flush(), 1000);
  let done = 0;
  progress(name, 0, total);
  try {
    // as many again may wait before they are sent again, so that they keep no place from others
    const widest = width === undefined ? 2 * config.concurrency : Math.min(width, config.concurrency);
    await forEachWide(numbered(itemsOf(config, part)), widest, async ([item, index]) => {
      await work(item, index);
      progress(name, ++done, total);
    });
    return asker.stopped;
  } catch (error) {
    // by now the asker may know of more endpoints than the first one thrown
    if (error instanceof Stopped) return asker.stopped ?? error;
    throw error;
  } finally {
    clearInterval(timer);
    asker.close();
    store.flush();
  }
}

async function* numbered<T>(values: AsyncIterable<T>): AsyncGenerator<[value: T, index: number]> {
  let index = 0;
  for await (const value of values) yield [value, index++];
}
