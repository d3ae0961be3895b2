/**
 * The items that two runs share, and what each adds to the scores of both. The first run's sums are held, an entry an item; the second's go by.
 * @module
 */
import { IdTable } from "../../../formats/records/ids.ts";
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import type { Pairs } from "../statistics/paired.ts";
import { withoutRounding } from "../statistics/without_rounding.ts";
import { answerKey, judgementKey, type StoredItem, storedItems, type StoredRun } from "../store/stored.ts";

/** Contribution of one item to one score. */
export interface ScoreSum {
  value: number;
  weight: number;
  unscored: number;
}

/** One score over the shared items. */
export interface SharedScore {
  pairs: Pairs;
  /** Σ value, Σ weight and Σ unscored of each run over all shared items. */
  all: [ScoreSum, ScoreSum];
  max: number;
}

const nothing = (): ScoreSum => ({ value: 0, weight: 0, unscored: 0 });

/** Stored states that are of the items of now. */
export interface Counted {
  answers: number;
  judgements: number;
}

/** Shared items that aren't the same in both runs. */
export interface Differing {
  /** With other prompts. */
  prompts: number;
  /** With the same prompt and other constraints, or other texts for the judge. */
  constraints: number;
}

/** Result of {@linkcode pairItems}. */
interface PairedItems {
  /** Items of both runs, and of one of them alone. */
  shared: number;
  onlyFirst: number;
  onlySecond: number;
  /** Score that the second run's first contribution is of. */
  headline: string;
  scores: ReadonlyMap<string, SharedScore>;
  /** Items whose headline changed. */
  flipped: { id: string; first: number; second: number }[];
  differing: Differing;
  counts: readonly [Counted, Counted];
}

/** What is held of the first run: columns by score, an entry an item of `ids`. */
interface FirstRun {
  ids: IdTable;
  prompts: number[];
  constraints: number[];
  columns: Map<string, (ScoreSum | undefined)[]>;
  maxima: Map<string, number>;
  counted: Counted;
}

/** Reads two runs of one benchmark. */
export async function pairItems(first: StoredRun, second: StoredRun): Promise<PairedItems> {
  const held = await holdFirst(first), { ids, prompts, constraints, maxima } = held;
  const counts = [held.counted, { answers: 0, judgements: 0 }] as const;
  const scores = new Map<string, SharedScore>();
  const flipped: PairedItems["flipped"] = [];
  const differing: Differing = { prompts: 0, constraints: 0 };
  let shared = 0, onlySecond = 0, headline = "";
  for await (const stored of storedItems(second)) {
    count(counts[1], stored);
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
    for (const [metric, a, b] of bothSums(held, index, sumsOf(contributions))) {
      addPair(scores, metric, [a, b], maxima.get(metric) ?? 1);
      const [before, after] = [valueOf(a), valueOf(b)];
      if (metric === headline && before !== null && after !== null && before !== after) {
        flipped.push({ id: stored.item.id, first: before, second: after });
      }
    }
  }
  return { shared, onlyFirst: ids.size - shared, onlySecond, headline, scores, flipped, differing, counts };
}

async function holdFirst(run: StoredRun): Promise<FirstRun> {
  const held: FirstRun = {
    ids: new IdTable(),
    prompts: [],
    constraints: [],
    columns: new Map(),
    maxima: new Map(),
    counted: { answers: 0, judgements: 0 },
  };
  for await (const stored of storedItems(run)) {
    count(held.counted, stored);
    const index = held.ids.add(stored.item.id);
    held.prompts[index] = promptHash(stored);
    held.constraints[index] = constraintsHash(stored);
    const contributions = plainOf(stored, run);
    noteMaxima(held.maxima, contributions);
    for (const [metric, sum] of sumsOf(contributions)) {
      const column = held.columns.get(metric) ?? [];
      held.columns.set(metric, column);
      column[index] = sum;
    }
  }
  return held;
}

/** An item's sums of both runs by score; a score of the first alone counts too: what one of two runs lacks is told, not left out. */
function* bothSums(
  { columns }: FirstRun,
  index: number,
  sums: ReadonlyMap<string, ScoreSum>,
): Generator<[metric: string, first: ScoreSum, second: ScoreSum]> {
  for (const metric of new Set([...sums.keys(), ...columns.keys()])) {
    const a = columns.get(metric)?.[index], b = sums.get(metric);
    if (a !== undefined || b !== undefined) yield [metric, a ?? nothing(), b ?? nothing()];
  }
}

function count(found: Counted, { answer, judgement }: StoredItem): void {
  if (answer !== null) found.answers++;
  if (judgement !== null) found.judgements++;
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

function sumsOf(contributions: readonly Contribution[]): Map<string, ScoreSum> {
  const sums = new Map<string, ScoreSum>();
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

function valueOf({ value, weight }: ScoreSum): number | null {
  return weight === 0 ? null : withoutRounding(value / weight);
}

function addPair(
  scores: Map<string, SharedScore>,
  metric: string,
  [a, b]: readonly [ScoreSum, ScoreSum],
  max: number,
): void {
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
