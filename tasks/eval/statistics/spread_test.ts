import { assertAlmostEquals, assertEquals } from "@std/assert";

import { bootstrapInterval } from "./bootstrap.ts";
import { spreadOf } from "./spread.ts";
import { wilsonInterval } from "./wilson.ts";

const sums = (values: number[], weights: number[] = values.map(() => 1)) => ({
  values: Float64Array.from(values),
  weights: Float64Array.from(weights),
});

Deno.test("spreadOf() is Wilson's interval where the bootstrap degenerates: 0 of 6, 6 of 6, one item, 1 of 6", () => {
  const six = (count: number) => sums(Array.from({ length: 6 }, (_, i) => i < count ? 1 : 0));
  assertEquals(bootstrapInterval(six(0), 1000, 0), [0, 0]);
  assertEquals(spreadOf(six(0), 1, 1000, 0).interval, wilsonInterval(0, 6));
  assertEquals(spreadOf(six(6), 1, 1000, 0).interval, wilsonInterval(1, 6));
  assertEquals(spreadOf(six(1), 1, 1000, 0).interval, wilsonInterval(1 / 6, 6));
  assertEquals(spreadOf(sums([1]), 1, 1000, 0).interval, wilsonInterval(1, 1));
  assertEquals(spreadOf(sums([]), 1, 1000, 0), { stderr: null, interval: null });
  assertEquals(spreadOf(sums([0.5]), 1, 1000, 0).interval, null);
});

Deno.test("spreadOf() keeps to a score's scale and counts items, not constraints", () => {
  // eight items with two constraints each, all met: as 8 of 8 items, not as 16 of 16 constraints
  const all = sums(Array(8).fill(2), Array(8).fill(2));
  assertEquals(spreadOf(all, 1, 1000, 0).interval, wilsonInterval(1, 8));
  const [low, high] = spreadOf(sums(Array(8).fill(10)), 10, 1000, 0).interval!;
  assertAlmostEquals(low, 10 * wilsonInterval(1, 8)[0], 1e-12);
  assertEquals(high, 10);
});

Deno.test("spreadOf() is the bootstrap where that one stays off the ends", () => {
  const forty = sums(Array.from({ length: 100 }, (_, i) => i < 40 ? 1 : 0));
  assertEquals(spreadOf(forty, 1, 1000, 3).interval, bootstrapInterval(forty, 1000, 3));
});

Deno.test("spreadOf() doesn't widen a mean of nearly equal scores that reaches the end of its scale", () => {
  // nine times 10 and three times 9 of 10
  const mean = sums([...Array(9).fill(10), 9, 9, 9]);
  const { interval } = spreadOf(mean, 10, 1000, 0);
  assertEquals(interval, bootstrapInterval(mean, 1000, 0));
  assertEquals(interval![0] >= 9.4, true, `${interval}`);
});
