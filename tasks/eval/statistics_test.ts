import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  bootstrapInterval,
  cohenKappa,
  krippendorffAlpha,
  mcnemar,
  quantile,
  randomWords,
  ratioStderr,
  resamplesFor,
  spearman,
} from "./statistics.ts";

const ones = (n: number) => new Float64Array(n).fill(1);

Deno.test("krippendorffAlpha() gives the values of Krippendorff's own example (2011, part C)", () => {
  // Four observers, twelve units: nominal 0.743, interval 0.849 are printed there.
  const raters = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
    [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
  ];
  const units = raters[0]!.map((_, i) => raters.map((r) => r[i]!));
  assertAlmostEquals(krippendorffAlpha(units, "nominal")!, 0.743, 5e-4);
  assertAlmostEquals(krippendorffAlpha(units, "interval")!, 0.849, 5e-4);
  assertEquals(krippendorffAlpha([[1, 1], [1, 1]]), null);
  assertEquals(krippendorffAlpha([[1, null], [2, null]]), null);
});

Deno.test("mcnemar() is the exact binomial test (by hand: 2 (1 + 10) / 2^10 and others)", () => {
  assertAlmostEquals(mcnemar(1, 9), 2 * (1 + 10) / 1024, 1e-12);
  assertAlmostEquals(mcnemar(9, 1), 2 * (1 + 10) / 1024, 1e-12);
  assertAlmostEquals(mcnemar(0, 5), 2 / 32, 1e-12);
  assertEquals(mcnemar(4, 4), 1);
  assertEquals(mcnemar(0, 0), 1);
  // 2 Φ(−10) for 4,000 items at 1,684 to 2,316 would be 1.5e-23; the exact sum is of that size and finite
  const tiny = mcnemar(1684, 2316);
  assert(tiny > 1e-24 && tiny < 1e-22, `${tiny}`);
});

Deno.test("cohenKappa() gives the textbook example: 50 grants, p0 = 0.7, pe = 0.5, kappa 0.4", () => {
  const pairs = [
    ...Array(20).fill([1, 1]),
    ...Array(5).fill([1, 0]),
    ...Array(10).fill([0, 1]),
    ...Array(15).fill([0, 0]),
  ] as [number, number][];
  assertAlmostEquals(cohenKappa(pairs)!, 0.4, 1e-12);
});

Deno.test("spearman() ranks ties by their mean (by hand: 1 − 6·Σd²/(n(n²−1)) without ties)", () => {
  assertAlmostEquals(
    spearman([86, 97, 99, 100, 101, 103, 106, 110, 112, 113], [
      2,
      20,
      28,
      27,
      50,
      29,
      7,
      17,
      6,
      12,
    ])!,
    -29 / 165,
    1e-12,
  );
  assertAlmostEquals(spearman([1, 2, 2, 3], [1, 2, 2, 3])!, 1, 1e-12);
  assertEquals(spearman([1, 1], [1, 2]), null);
});

Deno.test("ratioStderr() is s/√n with weights 1, and clusters count once (by hand)", () => {
  // 3 of 5: s² = 5/4·0.6·0.4 = 0.3
  assertAlmostEquals(
    ratioStderr({ values: Float64Array.of(1, 1, 1, 0, 0), weights: ones(5) })!,
    Math.sqrt(0.3 / 5),
    1e-12,
  );
  // two items with 1 of 2 and 3 of 4: ratio 4/6, residuals ∓1/3, √(2·2/9)/6 = 1/9
  assertAlmostEquals(
    ratioStderr({ values: Float64Array.of(1, 3), weights: Float64Array.of(2, 4) })!,
    1 / 9,
    1e-12,
  );
  assertEquals(ratioStderr({ values: ones(1), weights: ones(1) }), null);
});

Deno.test("bootstrapInterval() is near the binomial's quantiles and the same for the same seed", () => {
  // 40 of 100: the resampled count is binomial(100, 0.4), whose 2.5 and 97.5 % quantiles are 31 and 50
  const values = new Float64Array(100).fill(1, 0, 40);
  const [low, high] = bootstrapInterval({ values, weights: ones(100) }, 20_000, 7)!;
  assertAlmostEquals(low, 0.31, 0.0101);
  assertAlmostEquals(high, 0.50, 0.0101);
  assertEquals(
    bootstrapInterval({ values, weights: ones(100) }, 100, 7),
    bootstrapInterval(
      {
        values,
        weights: ones(100),
      },
      100,
      7,
    ),
  );
  assertEquals(bootstrapInterval({ values: ones(9), weights: ones(9) }, 100, 1), [1, 1]);
});

Deno.test("quantile() is linear between neighbours (numpy.quantile([1, 2, 4, 8], 0.4) = 2.4)", () => {
  assertAlmostEquals(quantile([1, 2, 4, 8], 0.4), 2.4, 1e-12);
});

Deno.test("randomWords() fills its range evenly", () => {
  const next = randomWords(3);
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 160_000; i++) counts[next() >>> 28]!++;
  // χ² with 15 degrees of freedom: 37.7 is its 99.9 % quantile
  const chi2 = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
  assert(chi2 < 37.7, `${chi2}`);
});

Deno.test("resamplesFor() bounds the work", () => {
  assertEquals(resamplesFor(1042, 1000), 1000);
  assertEquals(resamplesFor(100_000, 1000), 200);
});
