/**
 * Two runs of the same benchmark, item by item: paired differences with intervals, McNemar's test, and the items that flipped.
 * @module
 */
import { IdTable } from "../../formats/records/ids.ts";
import type { Contribution } from "../../plugins/kinds/benchmark.ts";
import { resamplesFor } from "./statistics/bootstrap.ts";
import { mcnemar } from "./statistics/mcnemar.ts";
import { quantile } from "./statistics/quantile.ts";
import { randomIndex } from "./statistics/random_words.ts";
import { pairedShareInterval } from "./statistics/wilson.ts";
import { type StoredItem, storedItems, type StoredRun } from "./stored.ts";

/** One score of both runs over the items that both have. */
export interface PairedScore {
  /** Score. */
  metric: string;
  /** Items that both runs scored. */
  items: number;
  /** Value of the first run over these items. */
  first: number;
  /** Value of the second run over these items. */
  second: number;
  /** Second minus first. */
  difference: number;
  /** Standard error of the difference, items paired; null for fewer than two items. */
  stderr: number | null;
  /** Ends of its 95 % interval, bootstrap over pairs; null for fewer than two items. */
  interval: [low: number, high: number] | null;
  /** For scores that are 0 or 1 an item: McNemar's exact test; null for others. */
  mcnemar: { onlyFirst: number; onlySecond: number; p: number } | null;
}

/** What {@linkcode compareRuns} found. */
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
  /** What makes the comparison less than fair, such as different judges. */
  notes: string[];
}

/** What one item adds to one score. */
interface Sum {
  value: number;
  weight: number;
}

interface Pairs {
  values: [number[], number[]];
  weights: [number[], number[]];
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
  const columns = new Map<string, { values: number[]; weights: number[] }>();
  for await (const stored of storedItems(first)) {
    const at = ids.add(stored.item.id);
    for (const [metric, { value, weight }] of sumsOf(plainOf(stored, first))) {
      let column = columns.get(metric);
      if (column === undefined) columns.set(metric, column = { values: [], weights: [] });
      column.values[at] = value;
      column.weights[at] = weight;
    }
  }
  const pairs = new Map<string, Pairs>();
  const flipped: Comparison["flipped"] = [];
  let shared = 0, onlySecond = 0, headline = "";
  for await (const stored of storedItems(second)) {
    const at = ids.find(stored.item.id);
    if (at === undefined) {
      onlySecond++;
      continue;
    }
    shared++;
    const contributions = plainOf(stored, second);
    headline ||= contributions[0]?.metric ?? "";
    const b = sumsOf(contributions);
    const a: Map<string, Sum> = new Map();
    for (const [metric, { values, weights }] of columns) {
      if (values[at] !== undefined) a.set(metric, { value: values[at], weight: weights[at]! });
    }
    addPairs(pairs, a, b);
    const [before, after] = [valueOf(a, headline), valueOf(b, headline)];
    if (before !== null && after !== null && before !== after) {
      flipped.push({ id: stored.item.id, first: before, second: after });
    }
  }
  if (shared === 0) throw new RangeError("Cannot compare the runs as they share no item");
  const [p, q] = [first.provenance, second.provenance];
  return {
    models: [p.model, q.model],
    benchmark: q.benchmark,
    shared,
    unshared: onlySecond + ids.size - shared,
    headline,
    scores: [...pairs].map(([metric, both]) => pairedScore(metric, both, resamples, seed)),
    flipped,
    notes: [
      ...(p.judge !== q.judge ? [`the judges differ: ${p.judged_by} and ${q.judged_by}`] : []),
      ...(p.benchmark !== q.benchmark
        ? [`versions of the benchmark differ: ${p.benchmark} and ${q.benchmark}`]
        : []),
      ...(JSON.stringify(first.config.model.run_args) !== JSON.stringify(second.config.model.run_args)
        ? ["the models were sampled differently"]
        : []),
    ],
  };
}

function plainOf({ item, response, judgement }: StoredItem, { part }: StoredRun): Contribution[] {
  return part.benchmark.contributions({ item, response, judgement }).filter((c) => c.group === undefined);
}

function sumsOf(contributions: readonly Contribution[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { metric, value, weight } of contributions) {
    if (value === null) continue;
    const sum = sums.get(metric) ?? { value: 0, weight: 0 };
    sums.set(metric, { value: sum.value + value, weight: sum.weight + weight });
  }
  return sums;
}

function valueOf(sums: ReadonlyMap<string, Sum>, metric: string): number | null {
  const sum = sums.get(metric);
  return sum === undefined ? null : sum.value / sum.weight;
}

function addPairs(
  pairs: Map<string, Pairs>,
  a: ReadonlyMap<string, Sum>,
  b: ReadonlyMap<string, Sum>,
): void {
  for (const [metric, second] of b) {
    const first = a.get(metric);
    if (first === undefined) continue;
    let both = pairs.get(metric);
    if (both === undefined) pairs.set(metric, both = { values: [[], []], weights: [[], []] });
    for (const [side, sum] of [first, second].entries()) {
      both.values[side]!.push(sum.value);
      both.weights[side]!.push(sum.weight);
    }
  }
}

/** One score's pairs, made into numbers; exported for tests. */
export function pairedScore(
  metric: string,
  { values, weights }: Pairs,
  resamples: number,
  seed: number,
  max = 1,
): PairedScore {
  const n = values[0].length;
  const total = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const ratio = [0, 1].map((side) => total(values[side]!) / total(weights[side]!)) as [number, number];
  const binary = [0, 1].every((side) =>
    values[side]!.every((v, i) => weights[side]![i] === 1 && (v === 0 || v === 1))
  );
  const meanWeight = [0, 1].map((side) => total(weights[side]!) / n);
  let onlyFirst = 0, onlySecond = 0, squares = 0;
  for (let i = 0; i < n; i++) {
    if (values[0][i]! > values[1][i]!) onlyFirst++;
    if (values[0][i]! < values[1][i]!) onlySecond++;
    const residual = [0, 1].map((side) =>
      (values[side]![i]! - ratio[side]! * weights[side]![i]!) / meanWeight[side]!
    );
    squares += (residual[1]! - residual[0]!) ** 2;
  }
  return {
    metric,
    items: n,
    first: ratio[0],
    second: ratio[1],
    difference: ratio[1] - ratio[0],
    // residuals are over the mean weight, so this is √(n/(n−1) Σd²)/n
    stderr: n < 2 ? null : Math.sqrt((n / (n - 1)) * squares) / n,
    // without changes in both directions the bootstrap would be sure of what it didn't see
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

/** The comparison as text. */
export function comparisonText(comparison: Comparison, mostFlipped = 50): string {
  const { models, benchmark, scores, shared, unshared, flipped, headline, notes } = comparison;
  const rows = scores.map((s) => [
    s.metric,
    s.first.toFixed(4),
    s.second.toFixed(4),
    signed(s.difference),
    s.interval === null ? "–" : `${signed(s.interval[0])} to ${signed(s.interval[1])}`,
    s.stderr === null ? "–" : s.stderr.toFixed(4),
    s.mcnemar === null
      ? ""
      : `${s.mcnemar.onlyFirst} : ${s.mcnemar.onlySecond}, p = ${s.mcnemar.p.toPrecision(3)}`,
    String(s.items),
  ]);
  const table = [[
    "score",
    "A",
    "B",
    "B - A",
    "95 % interval",
    "std. error",
    "McNemar (only A : only B)",
    "items",
  ], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  const better = flipped.filter((f) => f.second > f.first);
  const worse = flipped.filter((f) => f.second < f.first);
  const ids = (list: typeof flipped) =>
    list.slice(0, mostFlipped).map((f) => f.id).join(", ") +
    (list.length > mostFlipped ? `, and ${list.length - mostFlipped} more` : "");
  return [
    `A: ${models[0]}`,
    `B: ${models[1]}`,
    `on ${benchmark}, ${shared} items in both${unshared > 0 ? `, ${unshared} in one only (left out)` : ""}`,
    ...notes.map((note) => `note: ${note}`),
    "",
    ...table.map((row) =>
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("   ")
        .trimEnd()
    ),
    "",
    `${headline}: ${better.length} items better in B${better.length > 0 ? `: ${ids(better)}` : ""}`,
    `${headline}: ${worse.length} items worse in B${worse.length > 0 ? `: ${ids(worse)}` : ""}`,
  ].join("\n");
}

function signed(x: number): string {
  return (x >= 0 ? "+" : "") + x.toFixed(4);
}
