/**
 * Statistics of evaluations: standard errors and bootstrap intervals of ratios over items, McNemar's test, Krippendorff's
 * alpha, rank correlation.
 * @module
 */

/** What one item adds: Σ value / Σ weight over items is the score. */
export interface Sums {
  /** Value an item. */
  values: Float64Array;
  /** Weight an item, same length. */
  weights: Float64Array;
}

/** How sure a score is. */
export interface Spread {
  /** Standard error; null for fewer than two items. */
  stderr: number | null;
  /** Ends of the 95 % interval; null for fewer than two items. */
  interval: [low: number, high: number] | null;
}

/** Draws (items times resamples) a score gets at most; with more items there are fewer resamples, never under 200. */
const MOST_DRAWS = 2e7;

/** Resamples that so many items get of the `asked` ones. */
export function resamplesFor(items: number, asked: number): number {
  return Math.min(asked, Math.max(200, Math.floor(MOST_DRAWS / Math.max(1, items))));
}

/** Uniform whole numbers from a seed: xorshift128 (Marsaglia 2003), seeded by splitmix32. */
export function randomWords(seed: number): () => number {
  let s = seed >>> 0;
  const next = () => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [x, y, z, w] = [next(), next(), next(), next() | 1];
  return () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = (w ^ (w >>> 19)) ^ (t ^ (t >>> 8));
    return w >>> 0;
  };
}

/**
 * Standard error of Σv/Σw over items (linearised, items as clusters): √(n/(n−1) Σ(v−θw)²) / Σw. With all weights 1 it is the
 * usual s/√n.
 */
export function ratioStderr({ values, weights }: Sums): number | null {
  const n = values.length;
  if (n < 2) return null;
  let value = 0, weight = 0;
  for (let i = 0; i < n; i++) {
    value += values[i]!;
    weight += weights[i]!;
  }
  const ratio = value / weight;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - ratio * weights[i]!) ** 2;
  return Math.sqrt((n / (n - 1)) * squares) / weight;
}

/**
 * Percentile bootstrap of Σv/Σw (Efron 1979): items are drawn with replacement.
 * @param resamples How often, >= 1
 * @returns Ends of the middle 95 %; null for fewer than two items
 */
export function bootstrapInterval(sums: Sums, resamples: number, seed: number): [number, number] | null {
  const { values, weights } = sums;
  const n = values.length;
  if (n < 2) return null;
  const next = randomWords(seed);
  const ratios = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let value = 0, weight = 0;
    for (let i = 0; i < n; i++) {
      // a multiplication instead of a remainder: faster, and unbiased to n / 2³²
      const at = Math.floor(next() * 2 ** -32 * n);
      value += values[at]!;
      weight += weights[at]!;
    }
    ratios[b] = value / weight;
  }
  ratios.sort();
  return [quantile(ratios, 0.025), quantile(ratios, 0.975)];
}

/** Quantile of sorted numbers, linear between neighbours (type 7 of Hyndman & Fan 1996). */
export function quantile(sorted: ArrayLike<number>, at: number): number {
  const place = (sorted.length - 1) * at;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}

/** Standard error and interval of a score. */
export function spreadOf(sums: Sums, resamples: number, seed: number): Spread {
  return {
    stderr: ratioStderr(sums),
    interval: bootstrapInterval(sums, resamplesFor(sums.values.length, resamples), seed),
  };
}

/** A number with what is known of it. */
export interface Measured {
  /** The number; null when there is too little to tell. */
  value: number | null;
  /** Ends of its 95 % interval, bootstrap; null for fewer than two units. */
  interval: [low: number, high: number] | null;
  /** Units, such as answers, that it is made of. */
  n: number;
}

/**
 * Σ value / Σ weight with its interval, a unit an entry.
 * @param seed Of the bootstrap
 */
export function measured(
  values: readonly number[],
  weights: readonly number[],
  seed: number,
  resamples = 1000,
): Measured {
  const n = values.length;
  const sums = { values: Float64Array.from(values), weights: Float64Array.from(weights) };
  const total = (list: Float64Array) => list.reduce((a, b) => a + b, 0);
  return {
    value: n === 0 ? null : total(sums.values) / total(sums.weights),
    interval: bootstrapInterval(sums, resamplesFor(n, resamples), seed),
    n,
  };
}

/** Numbers that a bootstrap of {@linkcode measuredSpearman} sorts at most, where 200 resamples leave the choice. */
const MOST_SORTED = 1e6;

/**
 * {@linkcode spearman} with its interval.
 * @param groups First index of each group of pairs that is drawn as one, such as an answer's constraints, rising from 0;
 * default: each pair by itself
 * @param seed Of the bootstrap
 */
export function measuredSpearman(
  x: readonly number[],
  y: readonly number[],
  seed: number,
  groups: readonly number[] = x.map((_, i) => i),
): Measured {
  const value = spearman(x, y);
  const n = groups.length;
  if (value === null || n < 2) return { value, interval: null, n };
  const next = randomWords(seed);
  const resamples = Math.min(1000, Math.max(200, Math.floor(MOST_SORTED / x.length)));
  const found: number[] = [];
  for (let b = 0; b < resamples; b++) {
    const [drawnX, drawnY]: [number[], number[]] = [[], []];
    for (let i = 0; i < n; i++) {
      const group = Math.floor(next() * 2 ** -32 * n);
      for (let at = groups[group]!; at < (groups[group + 1] ?? x.length); at++) {
        drawnX.push(x[at]!);
        drawnY.push(y[at]!);
      }
    }
    const drawn = spearman(drawnX, drawnY);
    if (drawn !== null) found.push(drawn);
  }
  found.sort((a, b) => a - b);
  const interval: Measured["interval"] = found.length < 2
    ? null
    : [quantile(found, 0.025), quantile(found, 0.975)];
  return { value, interval, n };
}

/**
 * McNemar's exact test: two-sided probability of a split at least so uneven between the items that only one side got right.
 * @param onlyFirst Items that only the first got right
 * @param onlySecond Items that only the second got right
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  if (n === 0) return 1;
  const fewer = Math.min(onlyFirst, onlySecond);
  // Σ C(n, k) 2^-n in logarithms, so that thousands of items don't overflow
  let log = -n * Math.LN2;
  let tail = Math.exp(log);
  for (let k = 1; k <= fewer; k++) {
    log += Math.log(n - k + 1) - Math.log(k);
    tail += Math.exp(log);
  }
  return Math.min(1, 2 * tail);
}

/** How far two values are from each other, for {@linkcode krippendorffAlpha}. */
export type Metric = "nominal" | "interval";

/**
 * Krippendorff's alpha, 1 − observed / expected disagreement (Krippendorff 2011, "Computing Krippendorff's
 * Alpha-Reliability").
 * @param units Values that each rater gave a unit; null where one gave none
 * @returns At most 1; null when no unit has two values, or all values are the same
 */
export function krippendorffAlpha(
  units: Iterable<readonly (number | null)[]>,
  metric: Metric = "interval",
): number | null {
  const sum = new AlphaSum(metric);
  for (const unit of units) sum.add(unit);
  return sum.alpha();
}

/** {@linkcode krippendorffAlpha} of units that come one at a time: only how often each value came is kept. */
export class AlphaSum {
  readonly #distance: (a: number, b: number) => number;
  readonly #counts = new Map<number, number>();
  #observed = 0;
  #total = 0;

  /**
   * No unit yet.
   * @param metric How far two values are from each other
   */
  constructor(metric: Metric) {
    this.#distance = metric === "nominal" ? (a, b) => a === b ? 0 : 1 : (a, b) => (a - b) ** 2;
  }

  /** Adds a unit: the values that each rater gave it, null where one gave none. */
  add(unit: readonly (number | null)[]): void {
    const values = unit.filter((value) => value !== null);
    if (values.length < 2) return;
    this.#total += values.length;
    let pairs = 0;
    for (const a of values) {
      this.#counts.set(a, (this.#counts.get(a) ?? 0) + 1);
      for (const b of values) pairs += this.#distance(a, b);
    }
    this.#observed += pairs / (values.length - 1);
  }

  /** Alpha of the units so far. */
  alpha(): number | null {
    let expected = 0;
    for (const [a, m] of this.#counts) {
      for (const [b, n] of this.#counts) expected += m * n * this.#distance(a, b);
    }
    if (this.#total < 2 || expected === 0) return null;
    return 1 - (this.#observed / this.#total) / (expected / (this.#total * (this.#total - 1)));
  }
}

/**
 * Cohen's kappa of two raters on the same units (Cohen 1960); null without units, or when chance agrees always.
 * @param pairs What both said, and how often (once unless given)
 */
export function cohenKappa(
  pairs: Iterable<readonly [first: number, second: number, times?: number]>,
): number | null {
  const first = new Map<number, number>(), second = new Map<number, number>();
  let same = 0, n = 0;
  for (const [a, b, times = 1] of pairs) {
    if (a === b) same += times;
    first.set(a, (first.get(a) ?? 0) + times);
    second.set(b, (second.get(b) ?? 0) + times);
    n += times;
  }
  if (n === 0) return null;
  let chance = 0;
  for (const [value, count] of first) chance += count * (second.get(value) ?? 0);
  chance /= n * n;
  return chance === 1 ? null : (same / n - chance) / (1 - chance);
}

/** Spearman's rank correlation, equal values with their mean rank; null for fewer than two or when one side is constant. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  const [a, b] = [ranks(x), ranks(y)];
  const n = a.length;
  const mean = (n + 1) / 2;
  let xy = 0, xx = 0, yy = 0;
  for (let i = 0; i < n; i++) {
    xy += (a[i]! - mean) * (b[i]! - mean);
    xx += (a[i]! - mean) ** 2;
    yy += (b[i]! - mean) ** 2;
  }
  return n < 2 || xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranked = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++;
    for (let i = start; i <= end; i++) ranked[order[i]!] = (start + end) / 2 + 1;
    start = end + 1;
  }
  return ranked;
}
