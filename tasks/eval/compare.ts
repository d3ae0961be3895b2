/**
 * Two runs of the same benchmark, item by item: paired differences with intervals, McNemar's test, and the items that flipped.
 * @module
 */
import { counted } from "../../formats/counted.ts";
import { IdTable } from "../../formats/records/ids.ts";
import type { Contribution } from "../../plugins/kinds/benchmark.ts";
import type { Registry } from "../../plugins/registry.ts";
import { type PairedScore, pairedScore, type Pairs } from "./statistics/paired.ts";
import { openRun } from "./open_run.ts";
import { answerKey, judgementKey, type StoredItem, storedItems, type StoredRun } from "./stored.ts";

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

/** Contribution of one item to one score. */
interface Sum {
  value: number;
  weight: number;
  unscored: number;
}

/** One score over the shared items. */
interface Shared {
  pairs: Pairs;
  /** Σ value, Σ weight and Σ unscored of each run over all shared items. */
  all: [Sum, Sum];
  max: number;
}

const nothing = (): Sum => ({ value: 0, weight: 0, unscored: 0 });

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
  const ids = new IdTable();
  const prompts: number[] = [];
  const constraints: number[] = [];
  const columns = new Map<string, (Sum | undefined)[]>();
  const maxima = new Map<string, number>();
  const found: [Counted, Counted] = [{ answers: 0, judgements: 0 }, { answers: 0, judgements: 0 }];
  for await (const stored of storedItems(first)) {
    count(found[0], stored);
    const index = ids.add(stored.item.id);
    prompts[index] = promptHash(stored);
    constraints[index] = constraintsHash(stored);
    const contributions = plainOf(stored, first);
    noteMaxima(maxima, contributions);
    for (const [metric, sum] of sumsOf(contributions)) {
      const column = columns.get(metric) ?? [];
      columns.set(metric, column);
      column[index] = sum;
    }
  }
  const scores = new Map<string, Shared>();
  const flipped: Comparison["flipped"] = [];
  const differing: Differing = { prompts: 0, constraints: 0 };
  let shared = 0, onlySecond = 0, headline = "";
  for await (const stored of storedItems(second)) {
    count(found[1], stored);
    const index = ids.find(stored.item.id);
    if (index === undefined) {
      onlySecond++;
      continue;
    }
    shared++;
    if (prompts[index] !== promptHash(stored)) differing.prompts++;
    else if (constraints[index] !== constraintsHash(stored)) differing.constraints++;
    const contributions = plainOf(stored, second);
    headline ||= contributions[0]?.metric ?? "";
    noteMaxima(maxima, contributions);
    const sums = sumsOf(contributions);
    // a score of the first alone counts too: what one of two runs lacks is told, not left out
    for (const metric of new Set([...sums.keys(), ...columns.keys()])) {
      const both = [columns.get(metric)?.[index], sums.get(metric)] as const;
      if (both[0] === undefined && both[1] === undefined) continue;
      const [a = nothing(), b = nothing()] = both;
      addPair(scores, metric, a, b, maxima.get(metric) ?? 1);
      const [before, after] = [valueOf(a), valueOf(b)];
      if (metric === headline && before !== null && after !== null && before !== after) {
        flipped.push({ id: stored.item.id, first: before, second: after });
      }
    }
  }
  if (shared === 0) {
    throw new RangeError(
      "Cannot compare the runs as they share no item: current value is " +
        `${counted(ids.size, "item")} in the first and ${onlySecond} in the second, all of other ids; ` +
        "evaluate both on the same rows",
    );
  }
  const compared = [...scores].map(([metric, both]) => scoreOf(metric, both, resamples, seed));
  return {
    models: [first.provenance.model, second.provenance.model],
    benchmark: second.provenance.benchmark,
    shared,
    unshared: onlySecond + ids.size - shared,
    headline,
    scores: compared,
    flipped,
    notes: [
      ...notesOf(first, second, differing),
      ...leftNotes("A", first, found[0]),
      ...leftNotes("B", second, found[1]),
      ...noScoreNotes("A", compared.filter(({ ofAll }) => ofAll[0] === null)),
      ...noScoreNotes("B", compared.filter(({ ofAll }) => ofAll[1] === null)),
    ],
  };
}

/** Stored states that are of the items of now. */
interface Counted {
  answers: number;
  judgements: number;
}

function count(found: Counted, { answer, judged }: StoredItem): void {
  if (answer !== null) found.answers++;
  if (judged !== null) found.judgements++;
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

/** Shared items that aren't the same in both runs. */
interface Differing {
  /** With other prompts. */
  prompts: number;
  /** With the same prompt and other constraints, or other texts for the judge. */
  constraints: number;
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

/** 48 bits of what an answer is judged by. */
function constraintsHash({ item }: StoredItem): number {
  return parseInt(judgementKey("", { ...item, messages: [] }, "").slice(0, 12), 16);
}

/** 48 bits of what was asked. */
function promptHash({ item }: StoredItem): number {
  return parseInt(answerKey("", item).slice(0, 12), 16);
}

function plainOf(stored: StoredItem, { part }: StoredRun): Contribution[] {
  return part.benchmark.contributions(stored).filter((c) => c.group === undefined);
}

function sumsOf(contributions: readonly Contribution[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { metric, value, weight } of contributions) {
    const sum = sums.get(metric) ?? nothing();
    sums.set(metric, sum);
    if (value === null) sum.unscored += weight;
    else {
      sum.value += value;
      sum.weight += weight;
    }
  }
  return sums;
}

/** Keeps the largest value that each score can have. */
function noteMaxima(maxima: Map<string, number>, contributions: readonly Contribution[]): void {
  for (const { metric, max } of contributions) maxima.set(metric, max ?? 1);
}

function valueOf({ value, weight }: Sum): number | null {
  return weight === 0 ? null : value / weight;
}

function addPair(scores: Map<string, Shared>, metric: string, a: Sum, b: Sum, max: number): void {
  const score = scores.get(metric) ??
    { pairs: { values: [[], []], weights: [[], []] }, all: [nothing(), nothing()], max };
  scores.set(metric, score);
  const { pairs: { values, weights }, all } = score;
  for (const [sum, one] of [[all[0], a], [all[1], b]] as const) {
    sum.value += one.value;
    sum.weight += one.weight;
    sum.unscored += one.unscored;
  }
  if (a.weight === 0 || b.weight === 0) return;
  values[0].push(a.value);
  values[1].push(b.value);
  weights[0].push(a.weight);
  weights[1].push(b.weight);
}

function scoreOf(
  metric: string,
  { pairs, all: [a, b], max }: Shared,
  resamples: number,
  seed: number,
): PairedScore {
  const ofAll = ({ value, weight, unscored }: Sum) => weight > 0 ? value / (weight + unscored) : null;
  return {
    ...pairedScore(metric, pairs, resamples, seed, max),
    ofAll: [ofAll(a), ofAll(b)],
    unscored: [a.unscored, b.unscored],
  };
}
