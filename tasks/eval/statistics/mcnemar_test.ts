import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { mcnemar } from "./mcnemar.ts";

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
