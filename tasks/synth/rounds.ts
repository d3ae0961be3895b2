/**
 * The workflow: in each round every slot without a row gets a draft from another seed; what comes through fills the slot. What is
 * decided between drafts (near-duplicates) is decided in the slots' order, so that a run has the same result however many
 * requests are under way at once and however often it was stopped.
 * @module
 */
import { forEachWide } from "../ask/for_each_wide.ts";
import { Stopped } from "../ask/stopped.ts";
import type { Failures } from "../ask/failures.ts";
import { hashOf } from "../ask/response_cache.ts";
import type { LineStore } from "../ask/line_store.ts";
import { makeByJudge } from "./by_judge.ts";
import { expandAndStructure } from "./by_judge/expand.ts";
import { controlQuality } from "./by_judge/verdicts.ts";
import { drawInstruction, makeByRules } from "./by_rules.ts";
import { Draws } from "./choose.ts";
import { type Draft, DraftDropped, type Seed, type WantedRow } from "./draft.ts";
import { NearDuplicates } from "./near_duplicates.ts";
import { type SynthLine, Unanswered } from "./step_asker.ts";
import { made, refuseExcluded, type Workshop } from "./workshop.ts";

/** Result of all rounds. */
export interface Made {
  /** Every draft, by round and slot. */
  drafts: Draft[];
  /** Those that are undecided. */
  open: Set<Draft>;
  /** Rows, in the slots' order. */
  rows: Draft[];
  /** Why it stopped before its end; null when it didn't. */
  stopped: Stopped | null;
}

/** Inputs of the rounds. */
export interface Rounds {
  /** Parts of the run. */
  shop: Workshop;
  /** Rows that are wanted. */
  slots: readonly WantedRow[];
  /** Where they begin. */
  seeds: readonly Seed[];
  /** Takes the end of each draft. */
  store: LineStore<SynthLine>;
  /** Counts errors. */
  failures: Failures;
  /** Told how many rows there are after each draft. */
  progress: (round: number, done: number, total: number) => void;
}

/** Works until every slot has its row, the attempts are used up, or the run stops. */
export async function makeRows(work: Rounds): Promise<Made> {
  const { shop, slots, seeds } = work;
  const { config } = shop;
  const order = new Draws(config.seed, "seeds").shuffled(seeds);
  const stride = Math.max(1, Math.floor(order.length * 0.382));
  const near = await NearDuplicates.open(config.duplicates);
  const nearAtEnd = config.hindsight && config.verify === "rules"
    ? await NearDuplicates.open(config.duplicates)
    : null;
  const result: Made = { drafts: [], open: new Set(), rows: [], stopped: null };
  const filled = new Map<number, Draft>();
  let waiting = [...slots];
  for (let round = 0; round < config.attempts && waiting.length > 0 && result.stopped === null; round++) {
    const drafts = waiting.map((slot): Draft => ({
      id: `${slot.index}.${round}`,
      slot,
      seed: made(order[(slot.index + round * stride) % order.length], "a seed"),
    }));
    result.drafts.push(...drafts);
    for (const draft of drafts) result.open.add(draft);
    result.stopped = await makeRound(work, drafts, { near, open: result.open, round });
    for (const draft of drafts) {
      if (result.open.has(draft) || draft.dropped !== undefined) continue;
      // hindsight changes instructions after they were compared
      const other = nearAtEnd?.add(draft.id, made(draft.x1, "x1")) ?? null;
      if (other === null) filled.set(draft.slot.index, draft);
      else {
        draft.dropped = {
          step: "duplicates at the end",
          reason: "near-duplicate of another instruction",
          example: `${draft.x1}\n→ ${other}`,
        };
        noteEnd(work.store, draft);
      }
    }
    const undecided = new Set([...result.open].map(({ slot }) => slot.index));
    waiting = waiting.filter(({ index }) => !filled.has(index) && !undecided.has(index));
  }
  result.rows = slots.flatMap(({ index }) => filled.get(index) ?? []);
  return result;
}

async function makeRound(
  { shop, store, failures, progress }: Rounds,
  drafts: readonly Draft[],
  { near, open, round }: { near: NearDuplicates; open: Set<Draft>; round: number },
): Promise<Stopped | null> {
  const end = (draft: Draft) => {
    open.delete(draft);
    noteEnd(store, draft);
  };
  const each = async (list: readonly Draft[], work: (draft: Draft) => Promise<void>, last: boolean) => {
    const ready: Draft[] = [];
    let done = drafts.length - list.length;
    try {
      await forEachWide(list, 2 * shop.config.concurrency, async (draft) => {
        if (await attempt(draft, work, { failures, store })) ready.push(draft);
        if (draft.dropped !== undefined || (last && ready.includes(draft))) {
          end(draft);
          progress(round, ++done, drafts.length);
        }
      });
      return { ready: new Set(ready), stopped: null };
    } catch (error) {
      if (error instanceof Stopped) return { ready: new Set<Draft>(), stopped: error };
      throw error;
    }
  };
  progress(round, 0, drafts.length);
  const rules = shop.config.verify === "rules";
  const begun = await each(
    drafts,
    rules ? (draft) => Promise.resolve(drawInstruction(shop, draft)) : async (draft) => {
      await expandAndStructure(shop, draft);
      await controlQuality(shop, draft);
    },
    false,
  );
  if (begun.stopped !== null) return begun.stopped;
  const distinct: Draft[] = [];
  for (const draft of drafts.filter((draft) => begun.ready.has(draft))) {
    const through = await attempt(draft, () => Promise.resolve(compare(shop, draft, near)), {
      failures,
      store,
    });
    if (through) distinct.push(draft);
    else end(draft);
  }
  return (await each(distinct, (draft) => rules ? makeByRules(shop, draft) : makeByJudge(shop, draft), true))
    .stopped;
}

function noteEnd(store: LineStore<SynthLine>, { id, dropped }: Draft): void {
  const line = { kept: dropped === undefined, ...dropped && { step: dropped.step, reason: dropped.reason } };
  const key = hashOf(line);
  if (!store.has("end", id, key)) store.append({ stage: "end", id, key, ...line });
}

/** @throws {DraftDropped} If the instruction is like another one, or like one that must not get in. */
function compare(shop: Workshop, draft: Draft, near: NearDuplicates): void {
  const x1 = made(draft.x1, "x1");
  refuseExcluded(shop, "exclusion", x1);
  const other = near.add(draft.id, x1);
  if (other !== null) {
    throw new DraftDropped("duplicates", "near-duplicate of another instruction", `${x1}\n→ ${other}`);
  }
}

/** True if the draft came through; what it was dropped for is noted, as is that nobody answered. */
async function attempt(
  draft: Draft,
  work: (draft: Draft) => Promise<void>,
  { failures, store }: Pick<Rounds, "failures" | "store">,
): Promise<boolean> {
  try {
    await work(draft);
    return true;
  } catch (error) {
    if (error instanceof DraftDropped) {
      draft.dropped = { step: error.step, reason: error.reason, example: error.example };
    } else if (error instanceof Unanswered) {
      const { failure, error: text = "" } = error.completion;
      failures.add(failure?.kind ?? "error", text, failure?.retryable ?? false);
      const { id } = draft;
      if (!store.holds("unanswered", id)) {
        store.append({ stage: "unanswered", id, key: hashOf(text), error: text });
      }
    } else throw error;
    return false;
  }
}
