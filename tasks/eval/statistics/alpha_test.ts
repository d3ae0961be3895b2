import { assertAlmostEquals, assertEquals } from "@std/assert";
import { krippendorffAlpha } from "./alpha.ts";

Deno.test("krippendorffAlpha() gives the values of Krippendorff's own example (2011, part C)", () => {
  // Four observers, twelve units: nominal 0.743, interval 0.849 are printed there.
  const raters = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
    [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
  ];
  const units = raters[0]!.map((_, i) => raters.map((r) => r[i]!));
  assertAlmostEquals(krippendorffAlpha(units, "nominal")!, 0.743, 5e-4);
  assertAlmostEquals(krippendorffAlpha(units, "interval")!, 0.849, 5e-4);
  assertEquals(krippendorffAlpha([[1, 1], [1, 1]]), null);
  assertEquals(krippendorffAlpha([[1, null], [2, null]]), null);
});
