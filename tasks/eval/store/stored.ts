/**
 * A run's items together with what is stored of them.
 * @module
 */
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Judgement } from "../../../plugins/kinds/judgement.ts";
import type { EvalConfig } from "../config/config.ts";
import type { AnswerState, ItemStore, JudgementState } from "./item_store.ts";
import type { BenchmarkPart } from "../parts.ts";
import { pluginFault } from "../plugin_fault.ts";
import { faultOf, isTold } from "../../../plugins/kinds/plugin_fault.ts";
import { hashOf } from "../../ask/response_cache.ts";
import type { EvalProvenance } from "../config/run_yaml.ts";

/** Where items and states are. */
export interface StoredRun {
  /** The resolved configuration. */
  config: EvalConfig;
  /** The benchmark and its identity. */
  part: BenchmarkPart;
  /** Stored states. */
  store: ItemStore;
  /** Identity of what decided them. */
  provenance: EvalProvenance;
}

/** Items of a run, in order, no more than `max_samples`; ids are unique. */
export async function* itemsOf(
  config: EvalConfig,
  { name, benchmark }: BenchmarkPart,
): AsyncGenerator<BenchmarkItem> {
  const items = (async function* () {
    yield* benchmark.items();
  })();
  try {
    for (let n = 0; n < (config.max_samples ?? Infinity); n++) {
      const { done, value } = await items.next().catch((error: unknown) => {
        // a message of ours names the file and the row already
        throw isTold(error) && !faultOf(error) ? error : pluginFault(`benchmark/${name}`, undefined, error);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await items.return(undefined);
  }
}

/** Hash of what decides an item's answer. */
export function answerKey(answers: string, { messages }: BenchmarkItem): string {
  return hashOf([answers, messages]).slice(0, 32);
}

/** Hash of what decides an item's judgement. */
export function judgementKey(judge: string, item: BenchmarkItem, response: string): string {
  return hashOf([judge, response, item.messages, item.constraints, item.fields]).slice(0, 32);
}

/** An item's answer, if it was made with this run's settings. */
export function answerOf(
  store: ItemStore,
  { answers }: EvalProvenance,
  item: BenchmarkItem,
): AnswerState | null {
  return store.has("generate", item.id, answerKey(answers, item)) ? store.answer(item.id)! : null;
}

/** The text to judge; null for an outcome without one. */
export function responseOf({ completion: { outcome, text } }: AnswerState): string | null {
  return outcome === "stop" || outcome === "length" ? text : null;
}

/** An item's judgement, if it was made of this answer by this run's judge. */
export function judgementOf(
  store: ItemStore,
  provenance: EvalProvenance,
  item: BenchmarkItem,
  response: string,
): JudgementState | null {
  return store.has("judge", item.id, judgementKey(provenance.judge, item, response))
    ? store.judgement(item.id)!
    : null;
}

/** One item with what is stored of it. */
export interface StoredItem {
  /** The item that was asked. */
  item: BenchmarkItem;
  /** The answer's state. */
  answer: AnswerState | null;
  /** The answer's text; null where there is none to judge. */
  response: string | null;
  /** The judgement's state, also of a judge that couldn't be asked (`error`, and no verdicts); null where there is none. */
  judged: JudgementState<"judge" | "unjudged"> | null;
  /** The verdicts; null where there are none. */
  judgement: Judgement | null;
}

/** What is stored of this run's judge where it couldn't be asked about this answer. */
function unjudgedOf(
  store: ItemStore,
  provenance: EvalProvenance,
  item: BenchmarkItem,
  response: string,
): JudgementState<"unjudged"> | null {
  const isOfThis = store.has("unjudged", item.id, judgementKey(provenance.judge, item, response));
  return isOfThis ? store.unjudged(item.id) ?? null : null;
}

/** Every item with what is stored of it, one at a time. */
export async function* storedItems(
  { config, part, store, provenance }: StoredRun,
): AsyncGenerator<StoredItem> {
  for await (const item of itemsOf(config, part)) {
    const answer = answerOf(store, provenance, item);
    const response = answer === null ? null : responseOf(answer);
    const judged = response === null
      ? null
      : judgementOf(store, provenance, item, response) ?? unjudgedOf(store, provenance, item, response);
    yield { item, answer, response, judged, judgement: judged?.judgement ?? null };
  }
}
