/**
 * The two stages that ask, one behind the other: the model for answers, the judge for verdicts.
 * @module
 */
import { Asker, type AskerOptions } from "../../ask/asker.ts";
import { otherModelNotes } from "../../ask/other_model.ts";
import type { ResponseCache } from "../../ask/response_cache.ts";
import type { Stopped } from "../../ask/stopped.ts";
import type { Meter } from "../../ask/usage.ts";
import { cachedVerdicts } from "./cache_notes.ts";
import { endpointsOf, type Parties } from "./parties.ts";
import { generate, judgeAll, type Run } from "./stages.ts";

/** How endpoints are asked. */
export interface AskingParties {
  /** Of the model's answers; null: none. */
  cache: ResponseCache | null;
  /** Of the judge's answers; null: none. */
  judgeCache: ResponseCache | null;
  /** Counts what both stages use. */
  meter: Meter;
  /** Items that an earlier start asked the model for in vain. */
  passedOver: number;
  /** Aborted to stop. */
  signal: AbortSignal;
  say: (line: string) => void;
}

/** What {@linkcode askParties} came to. */
export interface AskedParties {
  /** Why it stopped; null when it didn't. */
  stopped: Stopped | null;
  /** True if the judge's turn came. */
  judging: boolean;
}

/** Asks the model, then the judge, and closes their endpoints. */
export async function askParties(
  parties: Parties,
  run: Omit<Run, "asker">,
  { cache, judgeCache, meter, passedOver, signal, say }: AskingParties,
): Promise<AskedParties> {
  const { model, judge, provenance } = parties, { config } = run;
  // Costs of requests are learnt from answers, so a run that must not spend too much asks for one first.
  const counted = config.budget.tokens !== undefined || config.budget.money !== undefined;
  const runWith = (
    kept: ResponseCache | null,
    processes: number,
    failedBefore: number,
    onCached: Required<AskerOptions>["onCached"],
  ): Run => ({
    ...run,
    asker: new Asker({
      cache: kept,
      onCached,
      onOtherModel: otherModelNotes(say),
      meter,
      failedBefore,
      signal,
      start: counted ? 1 : processes,
      concurrency: config.concurrency,
      retries: config.max_retries,
    }),
  });
  try {
    if (model !== null) {
      const stopped = await generate(
        runWith(cache, config.infer_processes, passedOver, () => {}),
        model.endpoint,
        provenance,
      );
      if (stopped !== null) return { stopped, judging: false };
    }
    if (judge === null) return { stopped: null, judging: false };
    // where no verdict ever came, failures say something about the judge
    const failed = run.store.count("judge") === 0 ? 0 : run.store.count("unjudged");
    const stopped = await judgeAll(
      runWith(judgeCache, config.eval_processes, failed, cachedVerdicts(say)),
      judge,
      provenance,
    );
    return { stopped, judging: true };
  } finally {
    for (const endpoint of endpointsOf(parties)) await endpoint.close();
    run.store.flush();
  }
}
