import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ratioStderr } from "./ratio.ts";

const ones = (n: number) => new Float64Array(n).fill(1);

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
