import { assertAlmostEquals, assertEquals } from "@std/assert";

import smoothGolden from "../../../../fixtures/goldens/outputs/smooth.json" with { type: "json" };
import { smooth } from "./smooth.ts";

Deno.test("smooth() equals LLaMA-Factory's", () => {
  const cases = smoothGolden.smooth as { in: number[]; out: number[] }[];
  assertEquals(cases.length >= 5, true);
  for (const { in: values, out } of cases) {
    const ours = smooth(values);
    assertEquals(ours.length, out.length);
    ours.forEach((value, i) => assertAlmostEquals(value, out[i]!, 1e-14 * Math.abs(out[i]!)));
  }
});
