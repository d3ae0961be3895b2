/**
 * The judge card of a run directory.
 * @module
 */
import type { Registry } from "../../../plugins/registry.ts";
import { Asker } from "../../ask/asker.ts";
import type { EvalConfig } from "../config/config.ts";
import { type JudgeCard, judgeCard } from "./judge_card.ts";
import type { Reference } from "./judged_answers.ts";
import { Labels, labelsReference } from "./labels.ts";
import { openRun } from "../store/open_run.ts";
import { makeJudge } from "../parts.ts";
import { recordedReference, rulesReference, runReference } from "./references.ts";
import { reorder, type Reordered } from "./reorder.ts";
import { openCache } from "../../ask/response_cache.ts";
import { Stopped } from "../../ask/stopped.ts";
import type { StoredRun } from "../store/stored.ts";
import { Meter } from "../../ask/usage.ts";

/** Options of a judge card. */
export interface CardOptions {
  /**
   * Reference to compare with: a file of verdicts, `rules`, `labels` (a person's marks in labels.jsonl of the run), or another run
   * directory; default: `labels` where there are some, else none.
   */
  reference?: string | undefined;
  /** Verdicts of a file run from 0 to this, > 0; default 1. */
  scale?: number;
  /** Answers to judge again with the constraints in reverse order, at most; 0 (default): none, and nothing is asked. */
  reorder?: number;
  /** Aborted to stop. */
  signal?: AbortSignal;
}

/**
 * Makes the judge card of a run directory.
 * @throws {RangeError} If the directory holds no judged answers, the reference can't be read, or the judge can't be asked again
 * @throws {Stopped} If `signal` was aborted before the judge had been asked about all of the answers
 */
export async function cardOfRun(
  directory: string,
  registry: Registry,
  { reference: given, scale = 1, reorder: again = 0, signal = new AbortController().signal }: CardOptions =
    {},
): Promise<JudgeCard> {
  const labels = new Labels(directory);
  const reference = given ?? (labels.size > 0 ? "labels" : undefined);
  const run = await openRun(directory, registry);
  using _store = run.store;
  const other = reference !== undefined && !["rules", "labels"].includes(reference) &&
      Deno.statSync(reference).isDirectory
    ? await openRun(reference, registry)
    : null;
  using _other = other?.store;
  let found: Reference | undefined;
  if (other !== null) found = runReference(reference!, other);
  else if (reference === "labels") found = labelsReference(labels);
  else if (reference === "rules") found = rulesReference(registry);
  else if (reference !== undefined) found = recordedReference(registry, reference, scale);
  const reordered = again === 0 ? null : await askAgain(run, registry, again, signal);
  return await judgeCard(run, judgePrices(run.config), found, reordered);
}

async function askAgain(
  run: StoredRun,
  registry: Registry,
  answers: number,
  signal: AbortSignal,
): Promise<Reordered> {
  const { config, part, provenance } = run;
  const { judge, title, key } = await makeJudge(config, registry, part);
  if (judge === null) {
    throw new RangeError(`Cannot ask the judge of ${part.name} again in another order as it is rules`);
  }
  try {
    if (key !== provenance.judge) {
      throw new RangeError(
        `Cannot ask the judge of ${config.out_dir} again as it isn't the one of the verdicts any more: run the stage judge`,
      );
    }
    using cache = openCache(config);
    const asker = new Asker({
      cache,
      meter: new Meter(config.budget),
      signal,
      start: config.eval_processes,
      concurrency: config.concurrency,
      retries: config.max_retries,
    });
    try {
      return await reorder(run, { judge, title, asker, answers });
    } catch (error) {
      throw error instanceof Stopped ? withoutCard(error, title) : error;
    } finally {
      asker.close();
    }
  } finally {
    for (const endpoint of judge.endpoints ?? []) await endpoint.close();
  }
}

/** The error of a measurement that stopped: the answers asked about until then are no sample of all. */
function withoutCard({ why, message }: Stopped, title: string): Error {
  if (why === "signal") {
    return new Stopped(why, `Stopped before ${title} was asked again about all answers: there is no card`);
  }
  const advice = why === "budget" ? "; reorder less, or raise the budget in run.yaml" : "";
  return new RangeError(`Cannot ask ${title} again in another order: ${message}${advice}`);
}

/** Prices of the one judge model that there is. */
function judgePrices({ judge, evaluator_llm }: EvalConfig): { input: number; output: number } | undefined {
  const spec = judge ?? evaluator_llm;
  return Array.isArray(spec)
    ? undefined
    : spec?.args["prices"] as { input: number; output: number } | undefined;
}
