/**
 * Answers and verdicts of an earlier start: which of them stay, which go, and what the user is told about them.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import type { PlaceOf } from "../../../plugins/kinds/place.ts";
import { Stopped } from "../../ask/stopped.ts";
import { replacedText, untouchedText } from "../../ask/replaced_text.ts";
import type { ResponseCache } from "../../ask/response_cache.ts";
import { cachedAnswers } from "../asking/cache_notes.ts";
import { changedItems } from "./changed_items.ts";
import type { EvalConfig } from "../config/config.ts";
import type { ItemStore } from "../store/item_store.ts";
import type { Parties } from "../asking/parties.ts";
import { surveyItems } from "./survey.ts";

/** Choices about what an earlier start left, and who is told. */
export interface TakeOver {
  /** True if its answers are removed, with the first new one. */
  overwrite: boolean;
  /** Writes run.yaml: where earlier answers are removed, just before the first new one. */
  begin: () => void;
  /** True if answers are requested without the response cache. */
  fresh: boolean;
  /** True if verdicts are given again. */
  rejudge: boolean;
  /** Null where nothing is asked. */
  cache: ResponseCache | null;
  say: (line: string) => void;
  placeOf: PlaceOf | undefined;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/**
 * Looks at every item, and forgets what is not to stay. Nothing is lost if an item can't be read, or nothing new comes.
 * @returns Number of items, and of those that an earlier start asked for in vain, as `passedOver` of {@linkcode cachedAnswers}
 * @throws As {@linkcode surveyItems}
 * @throws {Stopped} If the signal comes
 */
export async function takeOver(
  config: EvalConfig,
  { part, model, judge }: Parties,
  store: ItemStore,
  { overwrite, begin, fresh, rejudge, cache, say, placeOf, signal }: TakeOver,
): Promise<{ items: number; passedOver: number }> {
  const toAsk = cachedAnswers(cache, model, config, {
    has: (id, key) => !overwrite && store.has("generate", id, key),
  });
  const changed = changedItems(store, overwrite ? null : model);
  const { items } = await surveyItems(config, part, placeOf, (item) => {
    if (signal.aborted) {
      throw new Stopped("signal", "Stopped while the items were read, before any was asked");
    }
    toAsk.see(item);
    changed.see(item);
  });
  const answered = store.count("generate");
  if (overwrite && answered + store.count("judge") > 0) {
    say(replacedText(answered, config.out_dir));
    store.replace(begin);
  } else if (fresh && answered > 0) {
    say(
      `note: ${
        counted(answered, "answer", ["stays as it is", "stay as they are"])
      } in ${config.out_dir}; overwrite=true removes ${answered === 1 ? "it" : "them"}`,
    );
  }
  if (rejudge && judge !== null && store.count("judge") > 0) {
    say(`${store.count("judge")} verdicts are given again`);
    store.forget("judge");
  }
  for (const line of [...changed.texts(), toAsk.text()]) if (line !== null) say(line);
  if (store.forgotten("generate") === 0) begin();
  return { items, passedOver: toAsk.passedOver() };
}

/** What becomes of answers and verdicts that the first new one would have taken away; empty where it came, or none were there. */
export function untouched(store: ItemStore): string {
  const answers = store.forgotten("generate"), verdicts = store.forgotten("judge");
  if (answers + verdicts === 0) return "";
  return answers > 0 ? untouchedText(answers, "answer") : untouchedText(verdicts, "verdict");
}
