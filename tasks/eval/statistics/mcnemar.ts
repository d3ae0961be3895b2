/**
 * McNemar's test of two runs on the same items.
 * @module
 */

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
