import { assertAlmostEquals, assertEquals } from "@std/assert";
import { spearman } from "./spearman.ts";

Deno.test("spearman() ranks ties by their mean (by hand: 1 − 6·Σd²/(n(n²−1)) without ties)", () => {
  assertAlmostEquals(
    spearman([86, 97, 99, 100, 101, 103, 106, 110, 112, 113], [
      2,
      20,
      28,
      27,
      50,
      29,
      7,
      17,
      6,
      12,
    ])!,
    -29 / 165,
    1e-12,
  );
  assertAlmostEquals(spearman([1, 2, 2, 3], [1, 2, 2, 3])!, 1, 1e-12);
  assertEquals(spearman([1, 1], [1, 2]), null);
});
