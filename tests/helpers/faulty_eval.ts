/**
 * `deno task eval` with a fault that shows only where a run was killed: `FAULT ARGUMENTS…`.
 *
 * - `loses`: every other answer is not in the cache once the process is gone
 * - `skips`: a run that goes on forgets every fifth answer
 * - `changes`: a run that goes on gives other verdicts
 * @module
 */
import { evalTask } from "../../tasks/eval.ts";
import { ResponseCache } from "../../tasks/ask/response_cache.ts";
import { ItemStore } from "../../tasks/eval/store/item_store.ts";

/** Replaces what items are stored with, in a run that found answers when it began. */
function inContinuedRuns(
  stored: (state: Parameters<ItemStore["append"]>[0], n: number) => typeof state | null,
) {
  const append = ItemStore.prototype.append;
  let continued: boolean | undefined, n = 0;
  ItemStore.prototype.append = function (state) {
    continued ??= this.count("generate") > 0;
    const kept = continued ? stored(state, n++) : state;
    if (kept !== null) append.call(this, kept);
  };
}

const FAULTS: Readonly<Record<string, () => void>> = {
  loses() {
    const put = ResponseCache.prototype.put;
    let n = 0;
    ResponseCache.prototype.put = function (...answer) {
      if (n++ % 2 === 0) put.apply(this, answer);
    };
  },
  skips: () => inContinuedRuns((state, n) => state.stage === "generate" && n % 5 === 0 ? null : state),
  changes: () =>
    inContinuedRuns((state) =>
      state.stage !== "judge" || state.judgement === null ? state : {
        ...state,
        judgement: { ...state.judgement, constraints: state.judgement.constraints.map(() => ({ score: 0 })) },
      }
    ),
};

if (import.meta.main) {
  const [fault = "", ...args] = Deno.args;
  FAULTS[fault]!();
  Deno.exit(await evalTask(args) ?? 0);
}
