import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bootstrapInterval, resamplesFor } from "./bootstrap.ts";

const ones = (n: number) => new Float64Array(n).fill(1);

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

Deno.test("resamplesFor() bounds the work", () => {
  assertEquals(resamplesFor(1042, 1000), 1000);
  assertEquals(resamplesFor(100_000, 1000), 200);
});
