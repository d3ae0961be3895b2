/** Statistics beside statsmodels, SciPy, scikit-learn and krippendorff (fixtures/goldens/statistics). */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { krippendorffAlpha } from "./alpha.ts";
import { cohenKappa } from "./kappa.ts";
import { mcnemar } from "./mcnemar.ts";
import { pairedScore } from "./paired.ts";
import { ratioStderr } from "./ratio.ts";
import { spearman } from "./spearman.ts";
import { wilsonInterval } from "./wilson.ts";

type Ends = [low: number, high: number];
type Result = number | null;
const cases: {
  wilson: [count: number, n: number, ...Ends][];
  mcnemar: [onlyFirst: number, onlySecond: number, p: number][];
  kappa: [first: number[], second: number[], kappa: Result][];
  alpha: [units: (number | null)[][], interval: Result, nominal: Result][];
  spearman: [x: number[], y: number[], correlation: Result][];
  ratio: [values: number[], weights: number[], stderr: number][];
  paired: [
    values: number[],
    weights: number[],
    after: number[],
    others: number[],
    difference: number,
    stderr: number,
  ][];
} = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/statistics/cases.json", import.meta.url)),
);

/** A number, or none where there is none. */
function near(found: Result, expected: Result, input: unknown, tolerance = 1e-12): void {
  const told = JSON.stringify(input);
  if (found === null || expected === null) assertEquals(found, expected, told);
  else assertAlmostEquals(found, expected, tolerance, told);
}

Deno.test("intervals, tests and agreement are those of statsmodels, SciPy, scikit-learn and krippendorff", () => {
  for (const [count, n, ...ends] of cases.wilson) {
    for (const [i, end] of wilsonInterval(count / n, n).entries()) near(end, ends[i]!, [count, n]);
  }
  for (const [a, b, p] of cases.mcnemar) near(mcnemar(a, b) / p, 1, [a, b], 1e-11);
  for (const [a, b, kappa] of cases.kappa) {
    near(cohenKappa(a.map((value, i): [number, number] => [value, b[i]!])), kappa, [a, b]);
  }
  for (const [units, interval, nominal] of cases.alpha) {
    near(krippendorffAlpha(units, "interval"), interval, units);
    near(krippendorffAlpha(units, "nominal"), nominal, units);
  }
  for (const [x, y, correlation] of cases.spearman) near(spearman(x, y), correlation, [x, y]);
  // inputs where there is no result are among them
  for (const list of [cases.kappa, cases.alpha, cases.spearman]) {
    assert(list.some((one) => one.at(-1) === null));
  }
});

Deno.test("standard errors are those of statsmodels' regressions: robust for a ratio, clustered for a paired difference", () => {
  for (const [values, weights, stderr] of cases.ratio) {
    near(ratioStderr({ values: Float64Array.from(values), weights: Float64Array.from(weights) }), stderr, [
      values,
      weights,
    ]);
  }
  for (const [values, weights, after, others, difference, stderr] of cases.paired) {
    const found = pairedScore("x", { values: [values, after], weights: [weights, others] }, {
      resamples: 200,
      seed: 0,
    });
    near(found.difference, difference, [values, after]);
    // variances are sums of squares there: their difference is 0 to 1e-16
    near(found.stderr, stderr, [values, after], 1e-8);
  }
});
