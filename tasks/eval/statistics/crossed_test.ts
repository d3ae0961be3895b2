import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { type CrossedDifference, crossedDifference, seededMean } from "./crossed.ts";
import { pairedScore } from "./paired.ts";

/** Difference and ends, to the digits of a calculation by hand. */
function near({ difference, interval }: CrossedDifference, expected: readonly number[]): void {
  const found = [difference, ...interval ?? []];
  assertEquals(found.length, expected.length);
  for (const [i, value] of expected.entries()) assertAlmostEquals(found[i] ?? NaN, value, 5e-5);
}

Deno.test("crossedDifference() draws items and seeds, and is the paired bootstrap where there is one seed", () => {
  const weights = [1, 1, 1, 1];
  const none = { values: [[0, 0, 0, 0], [0, 0, 0, 0]], weights };
  // all items alike: the mean of two draws of the seeds' differences 0 and 1 is 0, 1/2, 1 with 1/4, 1/2, 1/4
  const bySeed = crossedDifference(none, { values: [[0, 0, 0, 0], [1, 1, 1, 1]], weights }, 2000, 1);
  // all changes go one way: two a seed of four, .5 ± √(.35² + .4899²) by Wilson's [.15, .85] for 2 of 4 and [0, .4899] for 0 of 4
  near(bySeed, [0.5, -0.1021, 1]);
  // all seeds alike: a quarter of Binomial(4, 1/4), P(0) = 0.316, P(<= 2) = 0.949, P(<= 3) = 0.996
  const byItem = crossedDifference(none, { values: [[1, 0, 0, 0], [1, 0, 0, 0]], weights }, 2000, 1);
  // and by Wilson's [.0456, .6993] for 1 of 4: .25 − √(.2044² + .4899²)
  near(byItem, [0.25, -0.2808, 0.75]);
  near(crossedDifference(none, none, 200, 1), [0, -0.4899, 0.4899]);
  // changes both ways are the bootstrap's alone: the seeds' differences are −1 and 1, so the mean of two draws is −1, 0 or 1
  const ways = { values: [[1, 1, 1, 1], [0, 0, 0, 0]], weights };
  const back = { values: [[0, 0, 0, 0], [1, 1, 1, 1]], weights };
  near(crossedDifference(ways, back, 2000, 1), [0, -1, 1]);
  // drawn pairs stay pairs: a difference that every item has has no spread, however the items differ
  const even = { values: [[0, 1, 2, 3], [0, 1, 2, 3]], weights: [4, 4, 4, 4] };
  const more = { values: [[1, 2, 3, 4], [1, 2, 3, 4]], weights: [4, 4, 4, 4] };
  const { difference, interval } = crossedDifference(even, more, 200, 1);
  for (const value of [difference, ...interval ?? []]) assertAlmostEquals(value, 0.25, 1e-12);
  const [first, second] = [{ values: [[0, 1, 1, 0]], weights }, { values: [[1, 0, 1, 1]], weights }];
  const pairs = { values: [[0, 1, 1, 0], [1, 0, 1, 1]], weights: [weights, weights] };
  assertEquals(
    crossedDifference(first, second, 500, 3).interval,
    pairedScore("", pairs as Parameters<typeof pairedScore>[1], { resamples: 500, seed: 3 }).interval,
  );
  assertEquals(seededMean({ values: [[1, 0], [2, 1]], weights: [2, 2] }), 0.5);
  assertThrows(
    () => crossedDifference(first, none, 200, 1),
    RangeError,
    "1 seeds of 4 items and 2 seeds of 4 items",
  );
});
