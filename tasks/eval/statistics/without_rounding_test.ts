import { assert, assertEquals } from "@std/assert";
import { withoutRounding } from "./without_rounding.ts";

Deno.test("withoutRounding() makes equal what is equal but for rounding, and nothing else", () => {
  assert(0.9 - 0.6 !== 0.7 - 0.4 && 0.1 + 0.2 !== 0.3);
  assertEquals(withoutRounding(0.9 - 0.6), withoutRounding(0.7 - 0.4));
  assertEquals(withoutRounding(0.1 + 0.2), 0.3);
  assertEquals(withoutRounding(-(0.1 + 0.2)), -0.3);
  assertEquals([0, 1, 10, 0.123456789, 1 / 3].map(withoutRounding), [0, 1, 10, 0.123456789, 0.333333333]);
});
