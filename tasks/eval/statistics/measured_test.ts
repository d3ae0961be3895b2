import { assertAlmostEquals } from "@std/assert";

import { measuredSpearman } from "./measured.ts";

Deno.test("measuredSpearman() of 15 pairs is SciPy's correlation and percentile interval, whatever the seed", () => {
  const x = [951, 1028, 1512, 1901, 79, 296, 1647, 1897, 505, 630, 1739, 852, 553, 1657, 521];
  const y = [0.5, 0.75, 0.75, 1, 0, 0, 0.75, 1, 0.25, 0.25, 0.5, 0.25, 0.25, 0.75, 0.75];
  for (let seed = 0; seed < 10; seed++) {
    const { value, interval } = measuredSpearman(x, y, seed);
    // SciPy 1.17.1: spearmanr, and bootstrap(paired=True, method="percentile", n_resamples=1_000_000)
    assertAlmostEquals(value!, 0.820985596021656, 1e-12);
    // ends of 10,000 resamples have a standard error of 0.006 and 0.001
    assertAlmostEquals(interval![0], 0.4409, 0.025, `seed ${seed}`);
    assertAlmostEquals(interval![1], 0.9758, 0.005, `seed ${seed}`);
  }
});
