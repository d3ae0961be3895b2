/**
 * Wilson's interval of a share.
 * @module
 */

/** 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * Wilson's 95 % score interval (Wilson 1927): (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). It has a width at 0 and 1
 * too, and lies within [0, 1].
 * @param share In [0, 1]
 * @param n Units, >= 1
 */
export function wilsonInterval(share: number, n: number): [low: number, high: number] {
  const z2 = Z * Z / n;
  const middle = share + z2 / 2;
  const half = Z * Math.sqrt((share * (1 - share) + z2 / 4) / n);
  // at the ends the formula's rounding may miss 0 or 1 by a bit
  const low = share === 0 ? 0 : (middle - half) / (1 + z2);
  const high = share === 1 ? 1 : (middle + half) / (1 + z2);
  return [Math.max(0, low), Math.min(1, high)];
}

/**
 * 95 % interval of the difference of two shares of the same units, from Wilson's intervals of the shares that changed (the
 * method of variance estimates recovery, Donner & Zou 2012). Meant for changes in one direction or none: then the two shares
 * have no covariance, and a bootstrap would be sure of what it didn't see.
 * @param worse Units that only the first has
 * @param better Units that only the second has
 * @param n Units, >= 1
 */
export function pairedShareInterval(worse: number, better: number, n: number): [low: number, high: number] {
  const [down, up] = [worse / n, better / n];
  const [downLow, downHigh] = wilsonInterval(down, n);
  const [upLow, upHigh] = wilsonInterval(up, n);
  const difference = up - down;
  return [
    difference - Math.hypot(up - upLow, downHigh - down),
    difference + Math.hypot(upHigh - up, down - downLow),
  ];
}
