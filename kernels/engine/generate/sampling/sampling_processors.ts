/**
 * Logits processors, each as transformers (4.57, generation/logits_process.py) defines it, in place on float64 logits.
 * @module
 */
import { f64, i32 } from "../../../../formats/elements.ts";

/** `z[id] += bias` (transformers: SequenceBiasLogitsProcessor with sequences of one token; OpenAI: logit_bias). */
export function biased(z: Float64Array, bias: Readonly<Record<number, number>>): void {
  for (const [id, value] of Object.entries(bias)) z[Number(id)] = f64(z, Number(id)) + value;
}

/** Positive logits of ids that occur are divided by the penalty, others multiplied (RepetitionPenaltyLogitsProcessor). */
export function repetitionPenalized(
  z: Float64Array,
  penalty: number,
  ids: readonly ArrayLike<number>[],
): void {
  if (penalty === 1) return;
  for (const id of new Set(ids.flatMap((list) => Array.from(list)))) {
    const value = f64(z, id);
    z[id] = value < 0 ? value * penalty : value / penalty;
  }
}

/** `z[id] −= frequency · count + presence` for ids that occur (OpenAI's API reference; vLLM). */
export function penalized(
  z: Float64Array,
  frequency: number,
  presence: number,
  output: ArrayLike<number>,
): void {
  if (frequency === 0 && presence === 0) return;
  const counts = new Map<number, number>();
  for (const id of Array.from(output)) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) z[id] = f64(z, id) - frequency * count - presence;
}

/** `z[id] = −Infinity` (MinNewTokensLengthLogitsProcessor). */
export function forbidden(z: Float64Array, ids: Iterable<number>): void {
  for (const id of ids) z[id] = -Infinity;
}

/** `z[id] = −Infinity` where bit `id % 32` of word `id >> 5` is 0 (as of XGrammar's bitmasks). */
export function masked(z: Float64Array, words: Int32Array): void {
  z.forEach((_, id) => {
    if ((i32(words, id >> 5) >>> (id & 31) & 1) === 0) z[id] = -Infinity;
  });
}

/** `z / temperature` (TemperatureLogitsWarper). */
export function tempered(z: Float64Array, temperature: number): void {
  if (temperature === 1) return;
  z.forEach((value, i) => z[i] = value / temperature);
}

/** Keeps what is at least the k-th largest, ties included (TopKLogitsWarper). */
export function keepTopK(z: Float64Array, k: number): void {
  if (k <= 0 || k >= z.length) return;
  const least = kthLargest(z, k);
  z.forEach((value, i) => {
    if (value < least) z[i] = -Infinity;
  });
}

/** The k-th largest of more than k values: a heap of the k largest so far, the smallest on top. */
function kthLargest(z: Float64Array, k: number): number {
  const heap = z.slice(0, k).sort();
  for (let n = k; n < z.length; n++) {
    const value = f64(z, n);
    if (!(value > f64(heap, 0))) continue;
    let parent = 0;
    for (let child = 1; child < k; child = 2 * parent + 1) {
      if (child + 1 < k && f64(heap, child + 1) < f64(heap, child)) child++;
      if (f64(heap, child) >= value) break;
      heap[parent] = f64(heap, child);
      parent = child;
    }
    heap[parent] = value;
  }
  return f64(heap, 0);
}

/**
 * From the least likely on, drops tokens while their probabilities together stay ≤ 1 − p; the best one stays
 * (TopPLogitsWarper; Holtzman et al. 2020). Of equal ones the lower id counts as the likelier.
 */
export function keepTopP(z: Float64Array, p: number): void {
  if (p >= 1) return;
  const probability = softmax(z), limit = 1 - p;
  // So many tokens below limit / V can't reach the limit together, so they needn't be sorted.
  const negligible = limit / z.length;
  const candidates: number[] = [];
  let sum = 0;
  probability.forEach((value, i) => {
    if (value > negligible) candidates.push(i);
    else {
      sum += value;
      z[i] = -Infinity;
    }
  });
  candidates.sort((a, b) => f64(probability, a) - f64(probability, b) || b - a);
  for (const i of candidates.slice(0, -1)) {
    sum += f64(probability, i);
    if (sum > limit) return;
    z[i] = -Infinity;
  }
}

/** Drops tokens less likely than `p` times the best one (MinPLogitsWarper; Nguyen et al. 2024). */
export function keepMinP(z: Float64Array, p: number): void {
  if (p <= 0) return;
  const probability = softmax(z), least = p * probability.reduce((a, b) => Math.max(a, b), 0);
  probability.forEach((value, i) => {
    if (value < least) z[i] = -Infinity;
  });
}

function softmax(z: Float64Array): Float64Array {
  const max = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const e = z.map((v) => Math.exp(v - max)), sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
}
