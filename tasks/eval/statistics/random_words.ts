/**
 * Numbers for resampling that are the same for the same seed.
 * @module
 */

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

/** A uniform index below `n` per call, from {@linkcode randomWords}. */
export function randomIndex(seed: number, n: number): () => number {
  const next = randomWords(seed);
  // a multiplication instead of a remainder: faster, and unbiased to n / 2³²
  return () => Math.floor(next() * 2 ** -32 * n);
}
