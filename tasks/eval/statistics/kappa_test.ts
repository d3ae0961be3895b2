import { assertAlmostEquals } from "@std/assert";
import { cohenKappa } from "./kappa.ts";

Deno.test("cohenKappa() gives the textbook example: 50 grants, p0 = 0.7, pe = 0.5, kappa 0.4", () => {
  const pairs = [
    ...Array(20).fill([1, 1]),
    ...Array(5).fill([1, 0]),
    ...Array(10).fill([0, 1]),
    ...Array(15).fill([0, 0]),
  ] as [number, number][];
  assertAlmostEquals(cohenKappa(pairs)!, 0.4, 1e-12);
});
