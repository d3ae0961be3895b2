import { assertEquals } from "@std/assert";

import { phaseClock } from "./phase_clock.ts";

Deno.test("phaseClock() passes counted phases on, and tells one of unknown length with its seconds until it ends", async () => {
  const told: string[] = [], waiting: (() => void)[] = [];
  const show = (...phase: unknown[]) => {
    told.push(phase.join(" "));
    waiting.shift()?.();
  };
  const next = () => new Promise<void>((resolve) => waiting.push(resolve));
  let now = 0;
  using clock = phaseClock(show, () => now);
  clock.tell("reading weights", 1, 2);
  clock.tell("reading weights", 2, 2);
  // over at once: not worth a line
  clock.tell("compiling the head", 0, 0);
  clock.tell("compiling the head", 1, 0);
  const shown = next();
  clock.tell("compiling all blocks", 0, 0);
  now = 4200;
  await shown;
  now = 5300;
  await next();
  clock.tell("compiling all blocks", 1, 0);
  assertEquals(told, [
    "reading weights 1 2",
    "reading weights 2 2",
    "compiling all blocks 0 0 4 s",
    "compiling all blocks 0 0 5 s",
    "compiling all blocks 1 0",
  ]);
});
