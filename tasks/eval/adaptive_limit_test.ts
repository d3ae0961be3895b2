import { assertEquals } from "@std/assert";
import { AdaptiveLimit, type Clock } from "./adaptive_limit.ts";

/** A clock that only moves when someone sleeps. */
function fakeClock(): Clock & { time: number; slept: number[] } {
  const clock = {
    time: 0,
    slept: [] as number[],
    now: () => clock.time,
    sleep: (ms: number) => {
      clock.slept.push(ms);
      clock.time += ms;
      return Promise.resolve();
    },
  };
  return clock;
}
const never = new AbortController().signal;

Deno.test("AdaptiveLimit doubles a round at first, halves once a complaint, then adds one a round", async () => {
  const clock = fakeClock();
  const limit = new AdaptiveLimit(4, 100, clock);
  const round = async (how: "good" | "congested") => {
    const turns = await Promise.all(Array.from({ length: limit.limit }, () => limit.acquire(never)));
    clock.time++;
    for (const begun of turns) limit.release(begun!, how);
  };
  const seen = [limit.limit];
  for (const how of ["good", "good", "congested", "good", "good"] as const) {
    await round(how);
    seen.push(limit.limit);
  }
  // 4, 8, 16; all 16 complain of the same moment: 8; then about one more a round
  assertEquals(seen, [4, 8, 16, 8, 8, 9]);
});

Deno.test("AdaptiveLimit never goes over its maximum or under one, and lets no more run at once", async () => {
  const limit = new AdaptiveLimit(3, 3, fakeClock());
  const turns = [await limit.acquire(never), await limit.acquire(never), await limit.acquire(never)];
  let fourth = false;
  const waiting = limit.acquire(never).then((begun) => (fourth = true, begun));
  await Promise.resolve();
  assertEquals(fourth, false);
  limit.release(turns[0]!, "good");
  limit.release((await waiting)!, "congested");
  limit.release(turns[1]!, "neutral");
  limit.release(turns[2]!, "neutral");
  assertEquals([fourth, limit.limit], [true, 1]);
});

Deno.test("AdaptiveLimit waits as long as Retry-After says, everyone", async () => {
  const clock = fakeClock();
  const limit = new AdaptiveLimit(2, 2, clock);
  limit.release((await limit.acquire(never))!, "congested", 7000);
  await limit.acquire(never);
  assertEquals([clock.slept, clock.time], [[7000], 7000]);
});

Deno.test("AdaptiveLimit gives null to those who wait when the run stops", async () => {
  const limit = new AdaptiveLimit(1, 1, fakeClock());
  const stop = new AbortController();
  await limit.acquire(stop.signal);
  const waiting = limit.acquire(stop.signal);
  stop.abort();
  assertEquals(await waiting, null);
});
