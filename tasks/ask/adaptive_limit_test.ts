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
  limit.release((await waiting)!, "neutral");
  limit.release(turns[1]!, "neutral");
  limit.release(turns[2]!, "neutral");
  assertEquals([fourth, limit.limit], [true, 3]);
});

/** Rounds against a server; gives the window after each. */
async function rounds(
  limit: AdaptiveLimit,
  clock: ReturnType<typeof fakeClock>,
  count: number,
  server: (n: number, atOnce: number, nth: number) => { fails: boolean; ms?: number; tokens?: number },
): Promise<number[]> {
  const seen: number[] = [];
  let n = 0;
  for (let round = 0; round < count; round++) {
    const turns = await Promise.all(Array.from({ length: limit.limit }, () => limit.acquire(never)));
    const answers = turns.map((_, nth) => server(n++, turns.length, nth));
    clock.time += Math.max(...answers.map(({ ms = 50 }) => ms));
    for (const [i, { fails, tokens = 50 }] of answers.entries()) {
      limit.release(turns[i]!, fails ? "congested" : "good", 0, tokens);
    }
    seen.push(limit.limit);
  }
  return seen;
}
/** In [0, 1), the same in every run. */
const scattered = (n: number) => (Math.imul(n + 1, 2_654_435_761) >>> 0) / 2 ** 32;

for (const share of [0.02, 0.05, 0.1, 0.2]) {
  Deno.test(`AdaptiveLimit grows to its maximum and stays there where ${100 * share} % fail regardless of load`, async () => {
    const clock = fakeClock();
    const seen = await rounds(
      new AdaptiveLimit(16, 64, clock),
      clock,
      400,
      (n) => ({ fails: scattered(n) < share }),
    );
    assertEquals(seen.slice(0, 4).some((window) => window === 64), true);
    const mean = seen.reduce((a, b) => a + b) / seen.length;
    assertEquals(mean > 60, true, `${mean}`);
  });
}

Deno.test("AdaptiveLimit stays near what a server takes where it complains of everything beyond", async () => {
  for (const [takes, most] of [[4, 10], [20, 26], [40, 50]] as const) {
    const clock = fakeClock();
    const seen = await rounds(
      new AdaptiveLimit(16, 64, clock),
      clock,
      400,
      (_n, _atOnce, nth) => ({ fails: nth >= takes }),
    );
    const settled = seen.slice(50);
    assertEquals(Math.max(...settled) <= most, true, `${takes}: ${Math.max(...settled)} at most`);
    const mean = settled.reduce((a, b) => a + b) / settled.length;
    assertEquals(mean > takes / 2, true, `${takes}: ${mean} on the average`);
  }
});

Deno.test("AdaptiveLimit recovers after a time in which everything fails", async () => {
  const clock = fakeClock();
  const limit = new AdaptiveLimit(16, 64, clock);
  const all = (fails: boolean) => () => ({ fails });
  await rounds(limit, clock, 10, all(false));
  const [least] = (await rounds(limit, clock, 20, all(true))).slice(-1);
  assertEquals(least! < 16, true, `${least}`);
  assertEquals((await rounds(limit, clock, 80, all(false))).at(-1), 64);
});

Deno.test("AdaptiveLimit lowers itself where latency outgrows the window, and not where answers are longer", async () => {
  const clock = fakeClock();
  // beyond sixteen at once the server does nothing but swap
  const swapping = await rounds(new AdaptiveLimit(8, 64, clock), clock, 40, (_, atOnce) => ({
    fails: false,
    ms: atOnce > 16 ? 50 * atOnce : 50,
  }));
  assertEquals(Math.max(...swapping.slice(5)) < 40, true, `${swapping}`);
  const longer = await rounds(new AdaptiveLimit(8, 64, clock), clock, 40, (n) => ({
    fails: false,
    ms: n < 100 ? 50 : 1000,
    tokens: n < 100 ? 50 : 1000,
  }));
  assertEquals(longer.at(-1), 64);
  // more at once take longer, but no longer together
  const queueing = await rounds(
    new AdaptiveLimit(8, 64, clock),
    clock,
    40,
    (_, atOnce) => ({ fails: false, ms: 10 * atOnce }),
  );
  assertEquals(queueing.at(-1), 64);
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
