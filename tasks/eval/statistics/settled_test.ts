import { assert, assertEquals } from "@std/assert";
import { settled } from "./settled.ts";

Deno.test("settled() makes equal what is equal but for rounding, and nothing else", () => {
  assert(0.9 - 0.6 !== 0.7 - 0.4 && 0.1 + 0.2 !== 0.3);
  assertEquals(settled(0.9 - 0.6), settled(0.7 - 0.4));
  assertEquals(settled(0.1 + 0.2), 0.3);
  assertEquals(settled(-(0.1 + 0.2)), -0.3);
  assertEquals([0, 1, 10, 0.123456789, 1 / 3].map(settled), [0, 1, 10, 0.123456789, 0.333333333]);
});
