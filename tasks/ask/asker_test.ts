import { assert, assertEquals, assertRejects } from "@std/assert";

import type { Completion, CompletionRequest, Endpoint, Failure } from "../../plugins/kinds/endpoint.ts";
import { failed } from "../../plugins/endpoints/failures.ts";
import type { Clock } from "./adaptive_limit.ts";
import { Asker } from "./asker.ts";
import { Failures } from "./failures.ts";
import { forEachWide } from "./for_each_wide.ts";
import { Stopped } from "./stopped.ts";
import { isKept, requestKey, ResponseCache } from "./response_cache.ts";
import { Meter } from "./usage.ts";

const ok = (text = "yes"): Completion => ({ outcome: "stop", text, promptTokens: 10, completionTokens: 5 });
const request = (content = "hi"): CompletionRequest => ({
  messages: [{ role: "user", content }],
  temperature: 0,
  top_p: 1,
  max_tokens: 10,
});
function endpointOf(answers: (n: number) => Completion | Promise<Completion>): Endpoint & { asked: number } {
  const endpoint = {
    model: "m",
    asked: 0,
    complete: () => Promise.resolve(answers(endpoint.asked++)),
    close: () => Promise.resolve(),
  };
  return endpoint;
}
function fakeClock(): Clock & { time: number; slept: number[] } {
  const clock = {
    time: 0,
    slept: [] as number[],
    now: () => clock.time,
    sleep: (ms: number) => (clock.slept.push(ms), clock.time += ms, Promise.resolve()),
  };
  return clock;
}
function askerOf(more: Partial<ConstructorParameters<typeof Asker>[0]> = {}) {
  const clock = fakeClock();
  const cache = new ResponseCache(":memory:");
  const meter = more.meter ?? new Meter({}, clock.now);
  const asker = new Asker({
    cache,
    meter,
    concurrency: 8,
    start: 8,
    retries: 3,
    signal: new AbortController().signal,
    clock,
    random: () => 0.5,
    ...more,
  });
  return { asker, clock, cache, meter };
}

Deno.test("Asker asks the same request once, ever; another round or sampling is another request", async () => {
  const { asker, meter } = askerOf();
  const endpoint = endpointOf((n) => ok(`answer ${n}`));
  const both = await Promise.all([asker.ask(endpoint, request()), asker.ask(endpoint, request())]);
  assertEquals(both.map((a) => a.completion.text), ["answer 0", "answer 0"]);
  assertEquals((await asker.ask(endpoint, request())).cached, true);
  assertEquals((await asker.ask(endpoint, request(), 1)).completion.text, "answer 1");
  assertEquals((await asker.ask(endpoint, { ...request(), temperature: 0.1 })).completion.text, "answer 2");
  assertEquals([endpoint.asked, meter.usage().requests, meter.usage().cached], [3, 3, 2]);
});

Deno.test("Asker without a cache asks for every item: equal prompts at once aren't each other's answers from a cache", async () => {
  const { asker, meter } = askerOf({ cache: null });
  const endpoint = endpointOf((n) => ok(`answer ${n}`));
  const both = await Promise.all([asker.ask(endpoint, request()), asker.ask(endpoint, request())]);
  assertEquals(both.map((a) => [a.completion.text, a.cached]), [["answer 0", false], ["answer 1", false]]);
  assertEquals([endpoint.asked, meter.usage().requests, meter.usage().cached], [2, 2, 0]);
});

Deno.test("Asker repeats what may pass, with growing waits and Retry-After, a bounded number of times", async () => {
  const { asker, clock, meter } = askerOf();
  const recovers = endpointOf((n) => n < 2 ? failed("server", "oops") : ok());
  assertEquals((await asker.ask(recovers, request())).completion.text, "yes");
  assertEquals([recovers.asked, clock.slept, meter.usage().retries], [3, [100, 400], 2]);
  const { asker: busy, clock: busyClock } = askerOf();
  await busy.ask(endpointOf((n) => n < 2 ? failed("rate_limit", "slow") : ok()), request());
  assertEquals(busyClock.slept, [500, 1000]);

  const { asker: second, clock: clock2 } = askerOf();
  const limited = endpointOf((n) => n === 0 ? failed("rate_limit", "slow", 9000) : ok());
  await second.ask(limited, request());
  assertEquals([limited.asked, Math.max(...clock2.slept)], [2, 9000]);

  const { asker: third } = askerOf();
  const never = endpointOf(() => failed("server", "down"));
  assertEquals((await third.ask(never, request())).completion.failure?.kind, "server");
  assertEquals(never.asked, 4);
  const { asker: fourth } = askerOf();
  const bad = endpointOf(() => failed("bad_request", "no"));
  await fourth.ask(bad, request());
  assertEquals(bad.asked, 1);
});

Deno.test("Asker never keeps errors or empty answers in the cache", async () => {
  const { asker, cache } = askerOf({ retries: 0 });
  for (const answer of [failed("server", "x"), { ...ok(""), outcome: "context_length" as const }, ok(" ")]) {
    const endpoint = endpointOf(() => answer);
    await asker.ask(endpoint, request());
    assertEquals([cache.get(requestKey(endpoint, request())), isKept(answer)], [undefined, false]);
  }
});

Deno.test("Asker stops the run on errors that every request would meet", async () => {
  for (const kind of ["auth", "not_found", "quota", "refused"] satisfies Failure["kind"][]) {
    const { asker } = askerOf();
    const endpoint = endpointOf(() => failed(kind, "broken"));
    const error = await assertRejects(() => asker.ask(endpoint, request()), Stopped, "broken");
    assertEquals([(error as Stopped).why, endpoint.asked], ["fatal", 1]);
    await assertRejects(() => asker.ask(endpoint, request("other")), Stopped);
    assertEquals(endpoint.asked, 1);
  }
  const { asker } = askerOf();
  const once = endpointOf((n) => n === 0 ? ok() : failed("refused", "gone"));
  await asker.ask(once, request());
  assertEquals((await asker.ask(once, request("later"))).completion.failure?.kind, "refused");
});

Deno.test("Asker names each endpoint that can't be asked, once, where several are asked at the same time", async () => {
  const { asker } = askerOf({ retries: 0 });
  const [a, b, c] = [
    endpointOf(() => failed("refused", "a: refused")),
    endpointOf(() => failed("auth", "b: bad key")),
    endpointOf(() => ok()),
  ];
  const asked = [a, b, c, a, b].map((endpoint, i) => asker.ask(endpoint, request(`${i}`)));
  assertEquals((await Promise.allSettled(asked)).map(({ status }) => status === "fulfilled"), [
    false,
    false,
    true,
    false,
    false,
  ]);
  const { why, message, passing } = asker.stopped ?? {};
  assertEquals([why, message?.split("; ").sort(), passing], ["fatal", ["a: refused", "b: bad key"], false]);
});

Deno.test("Asker gives up when the first twenty items all fail", async () => {
  // a server that is still loading may have loaded at the next start, a refusal stays
  for (const [kind, passing] of [["server", true], ["bad_request", false]] as const) {
    const { asker } = askerOf({ retries: 0 });
    const endpoint = endpointOf(() => failed(kind, "Loading model"));
    for (let i = 0; i < 19; i++) await asker.ask(endpoint, request(`${i}`));
    const stopped = await assertRejects(
      () => asker.ask(endpoint, request("last")),
      Stopped,
      "first 20 requests all failed, the last one so: Loading model",
    );
    assertEquals([stopped.why, stopped.passing], ["fatal", passing]);
  }
});

Deno.test("Asker goes on past twenty items that fail when the cache has others' answers, but not when nobody listens any more", async () => {
  const { asker: first, cache } = askerOf({ retries: 0 });
  await first.ask(endpointOf(() => ok()), request("kept"));
  const again = async (kind: Failure["kind"]) => {
    const { asker } = askerOf({ retries: 0, cache });
    const endpoint = endpointOf(() => failed(kind, "no"));
    await asker.ask(endpoint, request("kept"));
    for (let i = 0; i < 25; i++) await asker.ask(endpoint, request(`${i}`));
    return endpoint.asked;
  };
  assertEquals([await again("bad_request"), await again("server")], [25, 25]);
  await assertRejects(() => again("refused"), Stopped, "no");
});

Deno.test("Asker asks nothing a second time behind twenty items that failed, until one works", async () => {
  const { asker: first, cache } = askerOf();
  await first.ask(endpointOf(() => ok()), request("kept"));
  const { asker } = askerOf({ retries: 2, cache });
  let works = false;
  const endpoint = endpointOf(() => works ? ok() : failed("server", "no"));
  await asker.ask(endpoint, request("kept"));
  for (let i = 0; i < 25; i++) await asker.ask(endpoint, request(`${i}`));
  assertEquals(endpoint.asked, 20 * 3 + 5);
  works = true;
  await asker.ask(endpoint, request("works"));
  works = false;
  await asker.ask(endpoint, request("last"));
  assertEquals(endpoint.asked, 65 + 1 + 3);
  const { asker: later } = askerOf({ retries: 2, failedBefore: 3 }),
    down = endpointOf(() => failed("server", "no"));
  for (let i = 0; i < 22; i++) await later.ask(down, request(`${i}`));
  await assertRejects(() => later.ask(down, request("last")), Stopped, "first 23 requests all failed");
  assertEquals(down.asked, 20 * 3 + 3);
});

Deno.test("Asker counts what is under way as part of a budget", async () => {
  const meter = new Meter({ tokens: 150 });
  const { asker } = askerOf({ meter, start: 8, concurrency: 8 });
  const waiting: (() => void)[] = [];
  const endpoint = endpointOf(() => new Promise<Completion>((resolve) => waiting.push(() => resolve(ok()))));
  const asked = Array.from({ length: 40 }, (_, i) => asker.ask(endpoint, request(`${i}`)).catch(() => null));
  // answers come one at a time, while seven others are under way
  for (let turn = 0; turn < 200; turn++) {
    waiting.shift()?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const answered = (await Promise.all(asked)).filter((a) => a !== null).length;
  // 15 tokens each: ten requests are 150
  assertEquals([answered, meter.usage().promptTokens + meter.usage().completionTokens], [10, 150]);
});

Deno.test("Asker stops at each budget and sends nothing more", async () => {
  const prices = { input: 1000, output: 2000 };
  const budgets = [{ requests: 3 }, { tokens: 45 }, { money: 0.06 }];
  for (const budget of budgets) {
    const meter = new Meter(budget);
    const { asker } = askerOf({ meter });
    const endpoint = { ...endpointOf(() => ok()), prices };
    let sent = 0;
    await assertRejects(
      async () => {
        for (let i = 0; i < 10; i++, sent++) await asker.ask(endpoint, request(`${i}`));
      },
      Stopped,
      "budget",
    );
    // 15 tokens and 0.02 each
    assertEquals([sent, meter.usage().requests, asker.stopped?.why], [3, 3, "budget"]);
  }
  let now = 0;
  const meter = new Meter({ seconds: 2 }, () => now);
  const { asker } = askerOf({ meter });
  const endpoint = endpointOf(() => (now += 1500, ok()));
  await asker.ask(endpoint, request("1"));
  await asker.ask(endpoint, request("2"));
  await assertRejects(() => asker.ask(endpoint, request("3")), Stopped, "2 seconds");
});

Deno.test("Asker lets what is under way finish when it is stopped", async () => {
  const stop = new AbortController();
  const { asker, cache } = askerOf({ signal: stop.signal });
  let finish = (_: Completion) => {};
  const endpoint: Endpoint = {
    model: "m",
    complete: () => new Promise((resolve) => finish = resolve),
    close: () => Promise.resolve(),
  };
  const asked = asker.ask(endpoint, request());
  await new Promise((resolve) => setTimeout(resolve, 0));
  stop.abort();
  finish(ok("paid for"));
  assertEquals((await asked).completion.text, "paid for");
  assert(cache.get(requestKey(endpoint, request())) !== undefined);
  await assertRejects(() => asker.ask(endpoint, request("next")), Stopped);
});

Deno.test("forEachWide(): a width beyond the number of values costs nothing, and nothing is done without values", async () => {
  let done = 0, asked = 0;
  /** Counts how often there might be another value. */
  const counted = (values: number[]) => ({
    [Symbol.iterator]: () => {
      const own = values[Symbol.iterator]();
      return { next: () => (asked++, own.next()) };
    },
  });
  await forEachWide(counted([1, 2, 3]), 1e9, () => Promise.resolve(void done++));
  await forEachWide(counted([]), 1e9, () => Promise.resolve(void done++));
  assertEquals(done, 3);
  // a worker more than there are values, and each asks for an end
  assert(asked <= 3 + 4 + 1, `${asked} times asked`);
});

Deno.test("forEachWide() holds no more than its width, in order of start, and tells the first error", async () => {
  let taken = 0, running = 0, most = 0;
  async function* values() {
    for (let i = 0; i < 50; i++) {
      taken++;
      yield await Promise.resolve(i);
    }
  }
  const order: number[] = [];
  await forEachWide(values(), 7, async (i) => {
    order.push(i);
    most = Math.max(most, ++running);
    assert(taken - order.length <= 8);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
  });
  assertEquals([order, most], [Array.from({ length: 50 }, (_, i) => i), 7]);
  await assertRejects(
    () =>
      forEachWide([1, 2, 3], 2, (i) => i === 2 ? Promise.reject(new RangeError("two")) : Promise.resolve()),
    RangeError,
    "two",
  );
});

Deno.test("Asker sets thoughts apart, of endpoints that know nothing of them too, and keeps what came in the cache", async () => {
  const { asker, cache } = askerOf();
  const endpoint = endpointOf(() => ok("<think>hm</think>\nyes"));
  const { completion } = await asker.ask(endpoint, request());
  assertEquals([completion.text, completion.thought], ["yes", "hm"]);
  assertEquals(cache.get(requestKey(endpoint, request()))?.text, "<think>hm</think>\nyes");
  const other = { ...endpoint, thoughtTags: [["<x>", "</x>"]] as const };
  const again = await asker.ask(other, request());
  assertEquals([again.cached, again.completion.text], [true, "<think>hm</think>\nyes"]);
});

Deno.test("Asker waits out a Retry-After above the 60 s of the client, and everyone does", async () => {
  const { asker, clock } = askerOf();
  const times: number[] = [];
  const endpoint = endpointOf((
    n,
  ) => (times.push(clock.time), n === 0 ? failed("rate_limit", "slow", 120_000) : ok()));
  await asker.ask(endpoint, request("first"));
  await asker.ask(endpoint, request("second"));
  assertEquals(times, [0, 120_000, 120_000]);
});

Deno.test("Asker tells once of each other model that a server names, whether it answers now or the cache kept it", async () => {
  const told: string[] = [];
  const onOtherModel = ({ model }: Endpoint, answeredBy: string) => void told.push(`${model}: ${answeredBy}`);
  const names = ["m-2026-01-01", "m-2026-01-01", undefined, "other"];
  const { asker, cache } = askerOf({ onOtherModel });
  const endpoint = endpointOf((n) => ({
    ...ok(`${n}`),
    ...names[n] !== undefined && { answeredBy: names[n] },
  }));
  for (const [n] of names.entries()) await asker.ask(endpoint, request(`${n}`));
  assertEquals(told, ["m: m-2026-01-01", "m: other"]);
  await askerOf({ onOtherModel, cache }).asker.ask(endpoint, request("3"));
  assertEquals(told.slice(2), ["m: other"]);
});

Deno.test("Failures lists the same, whichever request ended first", () => {
  const met: [kind: string, example: string][] = [["server", "b"], ["timeout", "z"], ["server", "a"], [
    "refused",
    "y",
  ]];
  const list = (order: readonly number[]) => {
    const failures = new Failures();
    for (const i of order) failures.add(...met[i]!, false);
    return failures.list();
  };
  const expected = [
    { kind: "server", count: 2, example: "a" },
    { kind: "refused", count: 1, example: "y" },
    { kind: "timeout", count: 1, example: "z" },
  ];
  assertEquals([list([0, 1, 2, 3]), list([3, 2, 1, 0])], [expected, expected]);
});
