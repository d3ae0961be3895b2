/**
 * From stored answers and judgements to results.json. Costs no request and always gives the same.
 * @module
 */
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import { type Agreement, PanelVotes } from "./agreement.ts";
import type { Stopped } from "../../ask/stopped.ts";
import type { Failures } from "../../ask/failures.ts";
import { ScoreTable, type ScoreWithSpread } from "./score_table.ts";
import { type StoredItem, storedItems, type StoredRun } from "../store/stored.ts";
import { type Counts, type FromCache, type Prices, Tally, type Totals } from "./tally.ts";
import { compareThreshold, type ThresholdResult } from "./thresholds.ts";
import type { Usage } from "../../ask/usage.ts";

/** Content of results.json. */
export interface EvalResults {
  /** Layout of this file. */
  version: 1;
  /** Name of the benchmark. */
  benchmark: string;
  /** Model under test. */
  model: string;
  /** Title of the judge. */
  judge: string;
  /** True if every item has an outcome and a judgement. */
  complete: boolean;
  /** Why the run stopped, or null. */
  stopped: string | null;
  /** The first score of the benchmark. */
  headline: { metric: string; value: number | null };
  /** True if the scores reach the threshold; null without one. */
  passed: boolean | null;
  /** Each score with a threshold; null without one. */
  thresholds: ThresholdResult[] | null;
  /** Scores in the benchmark's order, the headline first. */
  scores: ScoreWithSpread[];
  /** Counts of items and constraints. */
  counts: Counts;
  /** Counts of answers from the response cache. */
  cached: FromCache;
  /** Numbers of answers by the model that the server named, where it isn't the one asked for; absent where it always is. */
  answered_by?: Record<string, number>;
  /** Of a panel; null without one. */
  agreement: Agreement | null;
  /** Tokens and costs of all answers and judgements that are stored, whenever they were made. */
  totals: Totals;
  /** Usage of this start. */
  usage: Usage;
  /** Errors of this start, by kind. */
  failures: { kind: string; count: number; example: string }[];
  /** Of the bootstrap. */
  bootstrap: { resamples: number; seed: number };
}

/** Inputs of {@linkcode scoreRun}. */
export interface ScoreRun extends StoredRun {
  /** Usage of this start. */
  usage: Usage;
  /** Errors of this start. */
  failures: Failures;
  /** Prices of a million tokens. */
  prices: Prices;
  /** Why the run stopped. */
  stopped: Stopped | null;
  /** Sees each item with what it adds to the scores. */
  watch?: (stored: StoredItem, contributions: readonly Contribution[]) => void;
}

/** Scores what is stored. */
export async function scoreRun(run: ScoreRun): Promise<EvalResults> {
  const { config, part, provenance, usage, failures, prices, stopped, watch } = run;
  const table = new ScoreTable();
  const tally = new Tally(prices);
  const panel = new PanelVotes();
  for await (const stored of storedItems(run)) {
    const contributions = part.benchmark.contributions(stored);
    table.add(contributions);
    tally.add(stored);
    if (stored.judgement !== null) panel.add(stored.judgement);
    watch?.(stored, contributions);
  }
  const counts = tally.counts();
  const scores = table.scores(config.resamples, config.seed);
  const [first] = scores;
  const thresholds = compareThreshold(config, scores);
  return {
    version: 1,
    benchmark: provenance.benchmark,
    model: provenance.model,
    judge: provenance.judged_by,
    complete: stopped === null && counts.unanswered === 0 && counts.unjudged === 0,
    stopped: stopped?.message ?? null,
    headline: { metric: first?.metric ?? "", value: first?.value ?? null },
    passed: thresholds === null ? null : thresholds.every(({ passed }) => passed),
    thresholds,
    scores,
    counts,
    cached: tally.cached,
    ...Object.keys(tally.answeredBy).length > 0 && { answered_by: tally.answeredBy },
    agreement: panel.agreement(),
    totals: tally.totals,
    usage,
    failures: failures.list(),
    bootstrap: { resamples: config.resamples, seed: config.seed },
  };
}
