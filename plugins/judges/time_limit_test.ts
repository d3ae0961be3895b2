import { assertEquals, assertThrows } from "@std/assert";

import { withinTime } from "./time_limit.ts";

const LONG = 60_000;

Deno.test("withinTime() ends loops, patterns and what catches everything, and runs what comes after", () => {
  const endless: Record<string, () => unknown> = {
    loop() {
      for (;;);
    },
    pattern: () => /^(a+)+$/.test("a".repeat(40) + "b"),
    catching() {
      for (;;) {
        try {
          for (;;);
        } catch {
          // isn't reached
        } finally {
          Math.random();
        }
      }
    },
  };
  for (const [name, work] of Object.entries(endless)) assertEquals(withinTime(20, work), null, name);
  assertEquals(withinTime(LONG, () => [1, "two"]), { value: [1, "two"] });
  assertEquals(withinTime(LONG, () => undefined), { value: undefined });
  assertEquals(withinTime(LONG, () => withinTime(20, endless.loop!)), { value: null });
});

Deno.test("withinTime() throws what the work throws", () => {
  class Own extends RangeError {}
  assertThrows(
    () =>
      withinTime(LONG, () => {
        throw new Own("mine");
      }),
    Own,
    "mine",
  );
});
