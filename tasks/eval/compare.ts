/**
 * Two runs of the same benchmark, item by item: paired differences with intervals, McNemar's test, and the items that flipped.
 * @module
 */
import { item } from "../../formats/elements.ts";
import { IdTable } from "../../formats/records/ids.ts";
import type { Contribution } from "../../plugins/kinds/benchmark.ts";
import type { Registry } from "../../plugins/registry.ts";
import { resamplesFor } from "./statistics/bootstrap.ts";
import { mcnemar } from "./statistics/mcnemar.ts";
import { quantile } from "./statistics/quantile.ts";
import { randomIndex } from "./statistics/random_words.ts";
import { pairedShareInterval } from "./statistics/wilson.ts";
import { openRun } from "./open_run.ts";
import { answerKey, type StoredItem, storedItems, type StoredRun } from "./stored.ts";

/** One score of both runs over the items that both have. */
export interface PairedScore {
  /** Score. */
  metric: string;
  /** Items that both runs scored. */
  items: number;
  /** Value of the first run over these items; null without any. */
  first: number | null;
  /** Value of the second run over these items; null without any. */
  second: number | null;
  /** Second minus first; null without such items. */
  difference: number | null;
  /** Standard error of the difference, items paired; null for fewer than two items. */
  stderr: number | null;
  /** Ends of its 95 % interval, see {@linkcode pairedScore}; null where nothing can be said. */
  interval: [low: number, high: number] | null;
  /** For scores that are 0 or 1 an item: McNemar's exact test; null for others. */
  mcnemar: { onlyFirst: number; onlySecond: number; p: number } | null;
  /** Both values over all shared items, what is unscored counting as zero. */
  ofAll: [first: number, second: number];
  /** Things (items, or constraints) without a score in each run. */
  unscored: [first: number, second: number];
}

/** Result of {@linkcode compareRuns}. */
export interface Comparison {
  /** Names of the runs' models. */
  models: [first: string, second: string];
  /** Benchmark. */
  benchmark: string;
  /** Items that both runs hold. */
  shared: number;
  /** Items that only one of them holds. */
  unshared: number;
  /** Scores. */
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

/** One score's values and weights of both runs, an entry per item that both scored. */
interface Pairs {
  values: [number[], number[]];
  weights: [number[], number[]];
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
      `Cannot compare runs of different benchmarks: current value is ${first.part.name} and ${second.part.name}`,
    );
  }
  const ids = new IdTable();
  const prompts: number[] = [];
  const columns = new Map<string, (Sum | undefined)[]>();
  for await (const stored of storedItems(first)) {
    const index = ids.add(stored.item.id);
    prompts[index] = promptHash(stored);
    for (const [metric, sum] of sumsOf(plainOf(stored, first))) {
      const column = columns.get(metric) ?? [];
      columns.set(metric, column);
      column[index] = sum;
    }
  }
  const scores = new Map<string, Shared>();
  const flipped: Comparison["flipped"] = [];
  let shared = 0, onlySecond = 0, differing = 0, headline = "";
  for await (const stored of storedItems(second)) {
    const index = ids.find(stored.item.id);
    if (index === undefined) {
      onlySecond++;
      continue;
    }
    shared++;
    if (prompts[index] !== promptHash(stored)) differing++;
    const contributions = plainOf(stored, second);
    headline ||= contributions[0]?.metric ?? "";
    for (const [metric, b] of sumsOf(contributions)) {
      const a = columns.get(metric)?.[index] ?? nothing();
      addPair(scores, metric, a, b, contributions.find((c) => c.metric === metric)?.max ?? 1);
      const [before, after] = [valueOf(a), valueOf(b)];
      if (metric === headline && before !== null && after !== null && before !== after) {
        flipped.push({ id: stored.item.id, first: before, second: after });
      }
    }
  }
  if (shared === 0) throw new RangeError("Cannot compare the runs as they share no item");
  return {
    models: [first.provenance.model, second.provenance.model],
    benchmark: second.provenance.benchmark,
    shared,
    unshared: onlySecond + ids.size - shared,
    headline,
    scores: [...scores].map(([metric, both]) => scoreOf(metric, both, resamples, seed)),
    flipped,
    notes: notesOf(first, second, differing),
  };
}

function notesOf(first: StoredRun, second: StoredRun, differing: number): string[] {
  const [p, q] = [first.provenance, second.provenance];
  const sampled = [first, second].map(({ config }) => JSON.stringify(config.model.run_args));
  return [
    ...(differing > 0 ? [`${differing} items of the same id have other prompts`] : []),
    ...(p.judge !== q.judge ? [`the judges differ: ${p.judged_by} and ${q.judged_by}`] : []),
    ...(p.benchmark !== q.benchmark
      ? [`versions of the benchmark differ: ${p.benchmark} and ${q.benchmark}`]
      : []),
    ...(sampled[0] !== sampled[1] ? ["the models were sampled differently"] : []),
  ];
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
  const ofAll = ({ value, weight, unscored }: Sum) => value / Math.max(weight + unscored, Number.MIN_VALUE);
  return {
    ...pairedScore(metric, pairs, resamples, seed, max),
    ofAll: [ofAll(a), ofAll(b)],
    unscored: [a.unscored, b.unscored],
  };
}

/**
 * One score's pairs, made into numbers. The interval is a percentile bootstrap over pairs; where changes go in one direction
 * or there are none, it is that of {@linkcode pairedShareInterval}, as the bootstrap would be sure of what it didn't see.
 */
export function pairedScore(
  metric: string,
  { values, weights }: Pairs,
  resamples: number,
  seed: number,
  max = 1,
): Omit<PairedScore, "ofAll" | "unscored"> {
  const n = values[0].length;
  if (n === 0) {
    const none = { first: null, second: null, difference: null, stderr: null, interval: null, mcnemar: null };
    return { metric, items: 0, ...none };
  }
  const total = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const ratio = [0, 1].map((side) => total(item(values, side)) / total(item(weights, side))) as [
    number,
    number,
  ];
  const binary = [0, 1].every((side) =>
    item(values, side).every((v, i) => item(weights, side)[i] === 1 && (v === 0 || v === 1))
  );
  const meanWeight = [0, 1].map((side) => total(item(weights, side)) / n);
  let onlyFirst = 0, onlySecond = 0, squares = 0;
  for (let i = 0; i < n; i++) {
    if (values[0][i]! > values[1][i]!) onlyFirst++;
    if (values[0][i]! < values[1][i]!) onlySecond++;
    const residual = [0, 1].map((side) =>
      (item(values, side)[i]! - item(ratio, side) * item(weights, side)[i]!) / item(meanWeight, side)
    );
    squares += (item(residual, 1) - item(residual, 0)) ** 2;
  }
  return {
    metric,
    items: n,
    first: ratio[0],
    second: ratio[1],
    difference: ratio[1] - ratio[0],
    // residuals are over the mean weight, so this is √(n/(n−1) Σd²)/n
    stderr: n < 2 ? null : Math.sqrt((n / (n - 1)) * squares) / n,
    interval: (binary && Math.min(onlyFirst, onlySecond) === 0) || onlyFirst + onlySecond === 0
      ? pairedShareInterval(onlyFirst, onlySecond, n).map((end) => end * max) as [number, number]
      : n < 2
      ? null
      : pairedInterval(values, weights, resamplesFor(n, resamples), seed),
    mcnemar: binary ? { onlyFirst, onlySecond, p: mcnemar(onlyFirst, onlySecond) } : null,
  };
}

function pairedInterval(
  values: Pairs["values"],
  weights: Pairs["weights"],
  resamples: number,
  seed: number,
): [number, number] {
  const n = values[0].length;
  const next = randomIndex(seed, n);
  const differences = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let v0 = 0, w0 = 0, v1 = 0, w1 = 0;
    for (let i = 0; i < n; i++) {
      const drawn = next();
      v0 += values[0][drawn]!;
      w0 += weights[0][drawn]!;
      v1 += values[1][drawn]!;
      w1 += weights[1][drawn]!;
    }
    differences[b] = v1 / w1 - v0 / w0;
  }
  differences.sort();
  return [quantile(differences, 0.025), quantile(differences, 0.975)];
}
