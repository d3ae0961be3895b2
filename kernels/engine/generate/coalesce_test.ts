import { assertEquals } from "@std/assert";
import { Coalescer } from "./coalesce.ts";

Deno.test("Coalescer gives the first event at once, then those of 20 ms together", () => {
  let now = 0;
  const sent: number[][] = [], events = new Coalescer<number>((list) => sent.push(list), () => now);
  events.push(1);
  assertEquals(sent, [[1]]);
  for (now = 5; now < 20; now += 5) events.push(now);
  assertEquals(sent, [[1]]);
  events.push(20);
  assertEquals(sent, [[1], [5, 10, 15, 20]]);
  events.push(21);
  events.flush();
  events.flush();
  assertEquals(sent.slice(2), [[21]]);
});
