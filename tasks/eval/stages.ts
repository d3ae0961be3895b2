/**
 * The stages of an evaluation that ask: answers of the model under test, then judgements.
 * @module
 */
import type { BenchmarkItem } from "../../plugins/kinds/benchmark.ts";
import type { Judgement } from "../../plugins/kinds/judgement.ts";
import { type CompletionRequest, type Endpoint, lastUserText } from "../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../plugins/kinds/sampling.ts";
import { type Ask, type Judge, JudgeUnreachable } from "../../plugins/kinds/judge.ts";
import { type Asker, forEachWide, Stopped } from "./asker.ts";
import type { EvalConfig } from "./config.ts";
import type { ItemStore, JudgementState } from "./item_store.ts";
import type { BenchmarkPart } from "./parts.ts";
import { pluginFault } from "./plugin_fault.ts";
import type { EvalProvenance } from "./run_yaml.ts";
import { answerKey, answerOf, itemsOf, judgementKey, responseOf } from "./stored.ts";

/** Stages in their order. */
export const EVAL_STAGES = ["generate", "judge", "score", "report"] as const;

/** One of {@linkcode EVAL_STAGES}. */
export type EvalStage = typeof EVAL_STAGES[number];

/** A run that is going on: what the stages share. */
export interface Run {
  config: EvalConfig;
  part: BenchmarkPart;
  store: ItemStore;
  asker: Asker;
  total: number;
  progress: (stage: EvalStage, done: number, total: number) => void;
  failures: Map<string, { count: number; example: string }>;
}

/** Asks the model for every item that has no answer yet; gives why it stopped, or null. */
export async function generate(run: Run, endpoint: Endpoint, answers: string): Promise<Stopped | null> {
  const { config, part, store, asker, total } = run;
  const sampling = samplingOf(config.model.run_args);
  const all = config.max_samples === undefined ? total : null;
  let done = 0;
  return await stage(run, "generate", endpoint.concurrency, async (item, index) => {
    const key = answerKey(answers, item);
    if (!store.has("generate", item.id, key)) {
      const request: CompletionRequest = {
        ...sampling,
        messages: item.messages,
        id: item.id,
        place: { index, total: all },
      };
      const { completion, cached, ms } = await asker.ask(endpoint, request);
      if (completion.outcome === "error") fail(run, completion.failure?.kind ?? "error", completion.error);
      else store.append({ stage: "generate", id: item.id, key, completion, ms: Math.round(ms), cached });
    }
    run.progress("generate", ++done, total);
  }, part);
}

/** Judges every answer that has no judgement yet; gives why it stopped, or null. */
export async function judgeAll(
  run: Run,
  judge: Judge | null,
  provenance: EvalProvenance,
): Promise<Stopped | null> {
  const { part, store, asker, total } = run;
  const width = judge?.endpoints?.length ? undefined : 1;
  let done = 0;
  return await stage(run, "judge", width, async (item) => {
    const answer = answerOf(store, provenance, item);
    const text = answer === null ? null : responseOf(answer);
    if (text !== null) {
      const key = judgementKey(provenance.judge, item, text);
      if (!store.has("judge", item.id, key)) store.append(await judgeOne(item, text, key));
    }
    run.progress("judge", ++done, total);
  }, part);

  async function judgeOne(item: BenchmarkItem, response: string, key: string): Promise<JudgementState> {
    const counts = { requests: 0, promptTokens: 0, completionTokens: 0, ms: 0 };
    let estimated: { estimated?: true } = {};
    const ask: Ask = async (endpoint, request, round) => {
      const { completion, cached, ms } = await asker.ask(endpoint, request, round);
      if (!cached) {
        counts.requests++;
        counts.ms += Math.round(ms);
      }
      counts.promptTokens += completion.promptTokens;
      counts.completionTokens += completion.completionTokens;
      if (completion.estimated) estimated = { estimated: true };
      return completion;
    };
    const state = { stage: "judge" as const, id: item.id };
    try {
      const judgement: Judgement = judge === null ? await checked(part, item, response) : await judge.judge({
        id: item.id,
        prompt: lastUserText(item.messages),
        response,
        constraints: item.constraints,
        item,
        ...(part.benchmark.protocol && { protocol: part.benchmark.protocol }),
        ask,
      }, new AbortController().signal);
      return { ...state, key, judgement, ...counts, ...estimated };
    } catch (error) {
      if (!(error instanceof JudgeUnreachable)) {
        const plugin = judge === null ? `benchmark/${part.name}` : `judge ${judge.title ?? ""}`;
        throw pluginFault(plugin, item.id, error);
      }
      fail(run, `judge: ${error.completion.failure?.kind ?? "error"}`, error.message);
      // under no key: a later run judges it again
      return { ...state, key: "", judgement: null, error: error.message, ...counts, ...estimated };
    }
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
  run: Run,
  name: EvalStage,
  width: number | undefined,
  work: (item: BenchmarkItem, index: number) => Promise<void>,
  part: BenchmarkPart,
): Promise<Stopped | null> {
  const { config, store, asker, total, progress } = run;
  const timer = setInterval(() => store.flush(), 1000);
  progress(name, 0, total);
  try {
    const widest = Math.min(width ?? config.concurrency, config.concurrency);
    await forEachWide(numbered(itemsOf(config, part)), widest, ([item, index]) => work(item, index));
    return asker.stopped;
  } catch (error) {
    if (error instanceof Stopped) return error;
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

function fail(run: Run, kind: string, example = ""): void {
  const found = run.failures.get(kind);
  if (found === undefined) run.failures.set(kind, { count: 1, example });
  else found.count++;
}
