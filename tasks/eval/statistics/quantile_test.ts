import { assertAlmostEquals } from "@std/assert";
import { quantile } from "./quantile.ts";

Deno.test("quantile() is linear between neighbours (numpy.quantile([1, 2, 4, 8], 0.4) = 2.4)", () => {
  assertAlmostEquals(quantile([1, 2, 4, 8], 0.4), 2.4, 1e-12);
});
