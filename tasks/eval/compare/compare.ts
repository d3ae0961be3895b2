/**
 * Two runs of the same benchmark, item by item: paired differences with intervals, McNemar's test, and the items that flipped.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { type PairedScore, pairedScore } from "../statistics/paired.ts";
import { openRun } from "../store/open_run.ts";
import { type Counted, type Differing, pairItems, type ScoreSum, type SharedScore } from "./paired_items.ts";
import type { StoredRun } from "../store/stored.ts";

/** Result of {@linkcode compareRuns}. */
export interface Comparison {
  /** Names of the runs' models. */
  models: [first: string, second: string];
  /** Name of the benchmark of both runs. */
  benchmark: string;
  /** Items that both runs hold. */
  shared: number;
  /** Items that only one of them holds. */
  unshared: number;
  /** Each score of the shared items, the headline first. */
  scores: PairedScore[];
  /** Headline score. */
  headline: string;
  /** Items whose headline changed: ids, with both values. */
  flipped: { id: string; first: number; second: number }[];
  /** Differences that make the comparison less than fair, such as other judges. */
  notes: string[];
}

/** {@linkcode compareRuns} of two run directories. */
export async function compareDirectories(
  first: string,
  second: string,
  registry: Registry,
): Promise<Comparison> {
  const a = await openRun(first, registry);
  using _a = a.store;
  const b = await openRun(second, registry);
  using _b = b.store;
  return await compareRuns(a, b, b.config.resamples, b.config.seed);
}

/**
 * Compares two runs.
 * @param seed Of the bootstrap
 * @throws {RangeError} If their benchmarks differ or they share no item
 */
export async function compareRuns(
  first: StoredRun,
  second: StoredRun,
  resamples = 1000,
  seed = 0,
): Promise<Comparison> {
  if (first.part.name !== second.part.name) {
    throw new RangeError(
      `Cannot compare runs of different benchmarks: current value is ${first.part.name} and ${second.part.name}; ` +
        "name two runs of one benchmark, or evaluate the second model with the first run's file",
    );
  }
  const { shared, onlyFirst, onlySecond, headline, scores, flipped, differing, counts } = await pairItems(
    first,
    second,
  );
  if (shared === 0) {
    throw new RangeError(
      "Cannot compare the runs as they share no item: current value is " +
        `${counted(onlyFirst, "item")} in the first and ${onlySecond} in the second, all of other ids; ` +
        "evaluate both on the same rows",
    );
  }
  const compared = [...scores].map(([metric, both]) => scoreOf(metric, both, { resamples, seed }));
  return {
    models: [first.provenance.model, second.provenance.model],
    benchmark: second.provenance.benchmark,
    shared,
    unshared: onlyFirst + onlySecond,
    headline,
    scores: compared,
    flipped,
    notes: [
      ...notesOf(first, second, differing),
      ...leftNotes("A", first, counts[0]),
      ...leftNotes("B", second, counts[1]),
      ...noScoreNotes("A", compared.filter(({ ofAll }) => ofAll[0] === null)),
      ...noScoreNotes("B", compared.filter(({ ofAll }) => ofAll[1] === null)),
    ],
  };
}

/** Names what a run stores and its data has no more, which would otherwise look like items without a score. */
function leftNotes(run: string, { store }: StoredRun, { answers, judgements }: Counted): string[] {
  const ofAnswers = store.count("generate"), lost = ofAnswers - answers;
  const ofJudgements = store.count("judge"), unjudged = ofJudgements - judgements;
  return [
    ...(lost > 0
      ? [
        `${run}: ${lost} of ${ofAnswers} stored answers don't count, as its data no longer has their items or has them with ` +
        "another prompt: restore the data, or run it again",
      ]
      : []),
    ...(unjudged > lost
      ? [
        `${run}: ${
          unjudged - lost
        } of ${ofJudgements} stored judgements don't count, as they are of another answer or of ` +
        "other constraints: restore the data, or run it again",
      ]
      : []),
  ];
}

/** Names the scores that a run has none of, which aren't 0. */
function noScoreNotes(run: string, without: readonly PairedScore[]): string[] {
  if (without.length === 0) return [];
  return [`${run}: none of these items has a score ${without.map(({ metric }) => metric).join(", ")}`];
}

function notesOf(first: StoredRun, second: StoredRun, { prompts, constraints }: Differing): string[] {
  const [p, q] = [first.provenance, second.provenance];
  const sampled = [first, second].map(({ config }) => JSON.stringify(config.model.run_args));
  return [
    ...(prompts > 0 ? [`${counted(prompts, "item", ["has", "have"])} the same id and another prompt`] : []),
    ...(constraints > 0
      ? [
        `${counted(constraints, "item", ["has", "have"])} the same prompt and other constraints`,
      ]
      : []),
    ...(p.judge !== q.judge
      ? [
        p.judged_by !== q.judged_by
          ? `the judges differ: ${p.judged_by || "none"} and ${q.judged_by || "none"}`
          : `the judges differ: both are ${
            p.judged_by || "none"
          }, with other options, rows, prompts or versions ` +
            "(see run.yaml of each)",
      ]
      : []),
    ...(p.benchmark !== q.benchmark
      ? [`versions of the benchmark differ: ${p.benchmark} and ${q.benchmark}`]
      : []),
    ...(sampled[0] !== sampled[1] ? ["the models were sampled differently"] : []),
  ];
}

function scoreOf(
  metric: string,
  { pairs, all: [a, b], max }: SharedScore,
  drawing: { resamples: number; seed: number },
): PairedScore {
  const ofAll = ({ value, weight, unscored }: ScoreSum) => weight > 0 ? value / (weight + unscored) : null;
  return {
    ...pairedScore(metric, pairs, { ...drawing, max }),
    ofAll: [ofAll(a), ofAll(b)],
    unscored: [a.unscored, b.unscored],
  };
}
