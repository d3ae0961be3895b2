import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { pairedScore } from "./paired.ts";

Deno.test("pairedScore() gives the paired difference, its standard error and McNemar's test (by hand)", () => {
  // differences 1, 1, 1, 0, -1: mean 0.4, s² = (3·0.36 + 0.16 + 1.96)/4 = 0.8, standard error √(0.8/5) = 0.4
  const a = [0, 0, 0, 1, 1], b = [1, 1, 1, 1, 0];
  const ones = [1, 1, 1, 1, 1];
  const score = pairedScore("x", { values: [a, b], weights: [ones, ones] }, { resamples: 2000, seed: 1 });
  assertAlmostEquals(score.difference!, 0.4, 1e-12);
  assertAlmostEquals(score.stderr!, 0.4, 1e-12);
  assertEquals(score.mcnemar, { onlyFirst: 1, onlySecond: 3, p: 0.625 });
  // resampled sums of five differences have the values −5 … 5; by enumeration of multinomial(5; 1/5, 1/5, 3/5) the 2.5 %
  // and 97.5 % quantiles are −0.4 and 1
  assertAlmostEquals(score.interval![0], -0.4, 1e-9);
  assertAlmostEquals(score.interval![1], 1, 1e-9);
});

Deno.test("pairedScore() is surer than two separate intervals where the runs move together", () => {
  const a = Array.from({ length: 200 }, (_, i) => i % 2), b = a.map((v, i) => i < 4 ? 1 : v);
  const ones = a.map(() => 1);
  const { stderr, mcnemar } = pairedScore("x", { values: [a, b], weights: [ones, ones] }, {
    resamples: 500,
    seed: 0,
  });
  assert(stderr! < 0.01, `${stderr}`);
  assertEquals(mcnemar, { onlyFirst: 0, onlySecond: 2, p: 0.5 });
});

Deno.test("pairedScore() takes weights into account and has no McNemar's test for them", () => {
  const score = pairedScore("x", { values: [[1, 3], [2, 4]], weights: [[2, 4], [2, 4]] }, {
    resamples: 100,
    seed: 0,
  });
  assertAlmostEquals(score.first!, 4 / 6, 1e-12);
  assertAlmostEquals(score.second!, 1, 1e-12);
  // residuals a: (1 − 4/3)/3, (3 − 8/3)/3; b: 0, 0
  assertAlmostEquals(score.stderr!, Math.sqrt(2 * 2 / 81) / 2, 1e-12);
  assertEquals(score.mcnemar, null);
});

Deno.test("pairedScore() isn't sure of no difference where nothing changed, or of one where few items changed one way", () => {
  const ones = Array(6).fill(1);
  const same = pairedScore("x", { values: [ones, ones], weights: [ones, ones] }, {
    resamples: 1000,
    seed: 0,
  });
  // Wilson's 0 of 6 ends at 0.3903
  assertAlmostEquals(same.interval![0], -0.3903, 1e-4);
  assertAlmostEquals(same.interval![1], 0.3903, 1e-4);
  const worse = pairedScore("x", { values: [ones, [0, 1, 1, 1, 1, 1]], weights: [ones, ones] }, {
    resamples: 1000,
    seed: 0,
  });
  assert(worse.interval![1] > 0, `${worse.interval}`);
  // shares of several constraints: no change is as unsure
  const twos = Array(6).fill(2);
  assertEquals(
    pairedScore("x", { values: [ones, ones], weights: [twos, twos] }, { resamples: 1000, seed: 0 }).interval,
    same.interval,
  );
  assertEquals(
    pairedScore("x", { values: [[], []], weights: [[], []] }, { resamples: 1000, seed: 0 }).first,
    null,
  );
});

Deno.test("a run that scored fewer parts of its items has a difference, and the interval is around it", () => {
  // 1 of 1 met against 1 of 2: 1/2 less, whatever items are drawn
  const less = pairedScore(
    "met",
    { values: [[1, 1, 1], [1, 1, 1]], weights: [[1, 1, 1], [2, 2, 2]] },
    { resamples: 1000, seed: 0 },
  );
  assertEquals([less.difference, less.interval], [-0.5, [-0.5, -0.5]]);
  // one item of three: the bootstrap's draws are 0, 1, 2 or 3 times that item, differences 0, −1/4, −2/5, −1/2
  const one = pairedScore(
    "met",
    { values: [[1, 1, 1], [1, 1, 1]], weights: [[1, 1, 1], [1, 1, 2]] },
    { resamples: 1000, seed: 0 },
  );
  assertEquals([one.difference, one.interval], [-0.25, [-0.5, 0]]);
});
