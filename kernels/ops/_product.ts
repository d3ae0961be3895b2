import type { Sample, Tolerance } from "../kernel.ts";

/** Samples of a product of `m × k` by `k × n` with the given axis names. */
export function productSamples(m: string, k: string, n: string): Sample[] {
  const dims = (a: number, b: number, c: number) => ({ [m]: a, [k]: b, [n]: c });
  return [
    { dims: dims(1, 1, 1), note: "one element" },
    { dims: dims(5, 7, 3), attrs: { alpha: 0.5 }, note: "odd sizes, scaled" },
    { dims: dims(65, 33, 66), note: "larger than a tile" },
    { dims: dims(1, 130, 5), note: "one row" },
    { dims: dims(3, 5, 4), attrs: { alpha: 1e6 }, gradient: false, note: "large results" },
  ];
}

/** Sums of up to 130 products of numbers below 1: float32 loses up to 130 · 2⁻²⁴. */
export const productTolerance: Tolerance = { atol: 2e-5, rtol: 1e-5 };
