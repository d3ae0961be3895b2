/**
 * Cohen's kappa: agreement of two raters beyond chance.
 * @module
 */

/**
 * Cohen's kappa of two raters on the same units (Cohen 1960); null without units, or when chance agrees always.
 * @param pairs Verdicts of both, with their count (1 unless given)
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
