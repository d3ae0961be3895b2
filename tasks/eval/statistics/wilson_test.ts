import { assertAlmostEquals, assertEquals } from "@std/assert";

import { pairedShareInterval, wilsonInterval } from "./wilson.ts";

// statsmodels 0.15.0, proportion_confint(count, nobs, method="wilson")
const STATSMODELS: [count: number, n: number, low: number, high: number][] = [
  [0, 6, 0, 0.39033428790216546],
  [6, 6, 0.6096657120978346, 1],
  [0, 1, 0, 0.7934506856227627],
  [1, 6, 0.030053369748306635, 0.5635028221864703],
  [19, 20, 0.7638688065532577, 0.9911185511992044],
  [417, 541, 0.7335404623551759, 0.8042306548321919],
  [0, 541, 0, 0.007050599322982763],
  [2.5, 10, 0.08094782420999441, 0.5578185757214502],
];

Deno.test("wilsonInterval() gives statsmodels' numbers: 0 of 6 is 0 to 39 %", () => {
  for (const [count, n, low, high] of STATSMODELS) {
    const found = wilsonInterval(count / n, n);
    assertAlmostEquals(found[0], low, 1e-12);
    assertAlmostEquals(found[1], high, 1e-12);
  }
});

Deno.test("pairedShareInterval() has a width without any change, and ends at Wilson's where all changes go one way", () => {
  const [, none] = wilsonInterval(0, 6);
  assertEquals(pairedShareInterval(0, 0, 6), [-none, none]);
  // three of nine became worse, none better: by hand from Wilson's 3 of 9 (0.1206 to 0.6458) and 0 of 9 (to 0.2991)
  const [low, high] = pairedShareInterval(3, 0, 9);
  assertAlmostEquals(low, -0.6458, 5e-5);
  assertAlmostEquals(high, -1 / 3 + Math.hypot(0.2991, 1 / 3 - 0.1206), 1e-4);
  assertEquals(pairedShareInterval(0, 3, 9), [-high, -low]);
});
