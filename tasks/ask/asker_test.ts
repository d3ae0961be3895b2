/** What is asked again, what is kept, and when a run is given up. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Endpoint, Failure } from "../../plugins/kinds/endpoint.ts";
import { failed } from "../../plugins/endpoints/failures.ts";
import { Failures } from "./failures.ts";
import { Stopped } from "./stopped.ts";
import { isKept, requestKey } from "./response_cache.ts";
import { askerOf, promptRequest, scriptedEndpoint, yesReply } from "./_askers.ts";

Deno.test("Asker asks the same request once, ever; another round or sampling is another request", async () => {
  const { asker, meter } = askerOf();
  const endpoint = scriptedEndpoint((n) => yesReply(`answer ${n}`));
  const both = await Promise.all([
    asker.ask(endpoint, promptRequest()),
    asker.ask(endpoint, promptRequest()),
  ]);
  assertEquals(both.map((a) => a.completion.text), ["answer 0", "answer 0"]);
  assertEquals((await asker.ask(endpoint, promptRequest())).cached, true);
  assertEquals((await asker.ask(endpoint, promptRequest(), 1)).completion.text, "answer 1");
  assertEquals(
    (await asker.ask(endpoint, { ...promptRequest(), temperature: 0.1 })).completion.text,
    "answer 2",
  );
  assertEquals([endpoint.asked, meter.usage().requests, meter.usage().cached], [3, 3, 2]);
});

Deno.test("Asker without a cache asks for every item: equal prompts at once aren't each other's answers from a cache", async () => {
  const { asker, meter } = askerOf({ cache: null });
  const endpoint = scriptedEndpoint((n) => yesReply(`answer ${n}`));
  const both = await Promise.all([
    asker.ask(endpoint, promptRequest()),
    asker.ask(endpoint, promptRequest()),
  ]);
  assertEquals(both.map((a) => [a.completion.text, a.cached]), [["answer 0", false], ["answer 1", false]]);
  assertEquals([endpoint.asked, meter.usage().requests, meter.usage().cached], [2, 2, 0]);
});

Deno.test("Asker repeats what may pass, with growing waits and Retry-After, a bounded number of times", async () => {
  const { asker, clock, meter } = askerOf();
  const recovers = scriptedEndpoint((n) => n < 2 ? failed("server", "oops") : yesReply());
  assertEquals((await asker.ask(recovers, promptRequest())).completion.text, "yes");
  assertEquals([recovers.asked, clock.slept, meter.usage().retries], [3, [100, 400], 2]);
  const { asker: busy, clock: busyClock } = askerOf();
  await busy.ask(scriptedEndpoint((n) => n < 2 ? failed("rate_limit", "slow") : yesReply()), promptRequest());
  assertEquals(busyClock.slept, [500, 1000]);

  const { asker: second, clock: clock2 } = askerOf();
  const limited = scriptedEndpoint((n) => n === 0 ? failed("rate_limit", "slow", 9000) : yesReply());
  await second.ask(limited, promptRequest());
  assertEquals([limited.asked, Math.max(...clock2.slept)], [2, 9000]);

  const { asker: third } = askerOf();
  const never = scriptedEndpoint(() => failed("server", "down"));
  assertEquals((await third.ask(never, promptRequest())).completion.failure?.kind, "server");
  assertEquals(never.asked, 4);
  const { asker: fourth } = askerOf();
  const bad = scriptedEndpoint(() => failed("bad_request", "no"));
  await fourth.ask(bad, promptRequest());
  assertEquals(bad.asked, 1);
});

Deno.test("Asker never keeps errors or empty answers in the cache", async () => {
  const { asker, cache } = askerOf({ retries: 0 });
  for (
    const answer of [
      failed("server", "x"),
      { ...yesReply(""), outcome: "context_length" as const },
      yesReply(" "),
    ]
  ) {
    const endpoint = scriptedEndpoint(() => answer);
    await asker.ask(endpoint, promptRequest());
    assertEquals([cache.get(requestKey(endpoint, promptRequest())), isKept(answer)], [undefined, false]);
  }
});

Deno.test("Asker stops the run on errors that every request would meet", async () => {
  for (const kind of ["auth", "not_found", "quota", "refused"] satisfies Failure["kind"][]) {
    const { asker } = askerOf();
    const endpoint = scriptedEndpoint(() => failed(kind, "broken"));
    const error = await assertRejects(() => asker.ask(endpoint, promptRequest()), Stopped, "broken");
    assertEquals([(error as Stopped).why, endpoint.asked], ["fatal", 1]);
    await assertRejects(() => asker.ask(endpoint, promptRequest("other")), Stopped);
    assertEquals(endpoint.asked, 1);
  }
  const { asker } = askerOf();
  const once = scriptedEndpoint((n) => n === 0 ? yesReply() : failed("refused", "gone"));
  await asker.ask(once, promptRequest());
  assertEquals((await asker.ask(once, promptRequest("later"))).completion.failure?.kind, "refused");
});

Deno.test("Asker names each endpoint that can't be asked, once, where several are asked at the same time", async () => {
  const { asker } = askerOf({ retries: 0 });
  const [a, b, c] = [
    scriptedEndpoint(() => failed("refused", "a: refused")),
    scriptedEndpoint(() => failed("auth", "b: bad key")),
    scriptedEndpoint(() => yesReply()),
  ];
  const asked = [a, b, c, a, b].map((endpoint, i) => asker.ask(endpoint, promptRequest(`${i}`)));
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
    const endpoint = scriptedEndpoint(() => failed(kind, "Loading model"));
    for (let i = 0; i < 19; i++) await asker.ask(endpoint, promptRequest(`${i}`));
    const stopped = await assertRejects(
      () => asker.ask(endpoint, promptRequest("last")),
      Stopped,
      "first 20 requests all failed, the last one so: Loading model",
    );
    assertEquals([stopped.why, stopped.passing], ["fatal", passing]);
  }
});

Deno.test("Asker goes on past twenty items that fail when the cache has others' answers, but not when nobody listens any more", async () => {
  const { asker: first, cache } = askerOf({ retries: 0 });
  await first.ask(scriptedEndpoint(() => yesReply()), promptRequest("kept"));
  const again = async (kind: Failure["kind"]) => {
    const { asker } = askerOf({ retries: 0, cache });
    const endpoint = scriptedEndpoint(() => failed(kind, "no"));
    await asker.ask(endpoint, promptRequest("kept"));
    for (let i = 0; i < 25; i++) await asker.ask(endpoint, promptRequest(`${i}`));
    return endpoint.asked;
  };
  assertEquals([await again("bad_request"), await again("server")], [25, 25]);
  await assertRejects(() => again("refused"), Stopped, "no");
});

Deno.test("Asker asks nothing a second time behind twenty items that failed, until one works", async () => {
  const { asker: first, cache } = askerOf();
  await first.ask(scriptedEndpoint(() => yesReply()), promptRequest("kept"));
  const { asker } = askerOf({ retries: 2, cache });
  let works = false;
  const endpoint = scriptedEndpoint(() => works ? yesReply() : failed("server", "no"));
  await asker.ask(endpoint, promptRequest("kept"));
  for (let i = 0; i < 25; i++) await asker.ask(endpoint, promptRequest(`${i}`));
  assertEquals(endpoint.asked, 20 * 3 + 5);
  works = true;
  await asker.ask(endpoint, promptRequest("works"));
  works = false;
  await asker.ask(endpoint, promptRequest("last"));
  assertEquals(endpoint.asked, 65 + 1 + 3);
  const { asker: later } = askerOf({ retries: 2, failedBefore: 3 }),
    down = scriptedEndpoint(() => failed("server", "no"));
  for (let i = 0; i < 22; i++) await later.ask(down, promptRequest(`${i}`));
  await assertRejects(() => later.ask(down, promptRequest("last")), Stopped, "first 23 requests all failed");
  assertEquals(down.asked, 20 * 3 + 3);
});

Deno.test("Asker sets thoughts apart, of endpoints that know nothing of them too, and keeps what came in the cache", async () => {
  const { asker, cache } = askerOf();
  const endpoint = scriptedEndpoint(() => yesReply("<think>hm</think>\nyes"));
  const { completion } = await asker.ask(endpoint, promptRequest());
  assertEquals([completion.text, completion.thought], ["yes", "hm"]);
  assertEquals(cache.get(requestKey(endpoint, promptRequest()))?.text, "<think>hm</think>\nyes");
  const other = { ...endpoint, thoughtTags: [["<x>", "</x>"]] as const };
  const again = await asker.ask(other, promptRequest());
  assertEquals([again.cached, again.completion.text], [true, "<think>hm</think>\nyes"]);
});

Deno.test("Asker waits out a Retry-After above the 60 s of the client, and everyone does", async () => {
  const { asker, clock } = askerOf();
  const times: number[] = [];
  const endpoint = scriptedEndpoint((
    n,
  ) => (times.push(clock.time), n === 0 ? failed("rate_limit", "slow", 120_000) : yesReply()));
  await asker.ask(endpoint, promptRequest("first"));
  await asker.ask(endpoint, promptRequest("second"));
  assertEquals(times, [0, 120_000, 120_000]);
});

Deno.test("Asker tells once of each other model that a server names, whether it answers now or the cache kept it", async () => {
  const told: string[] = [];
  const onOtherModel = ({ model }: Endpoint, answeredBy: string) => void told.push(`${model}: ${answeredBy}`);
  const names = ["m-2026-01-01", "m-2026-01-01", undefined, "other"];
  const { asker, cache } = askerOf({ onOtherModel });
  const endpoint = scriptedEndpoint((n) => ({
    ...yesReply(`${n}`),
    ...names[n] !== undefined && { answeredBy: names[n] },
  }));
  for (const [n] of names.entries()) await asker.ask(endpoint, promptRequest(`${n}`));
  assertEquals(told, ["m: m-2026-01-01", "m: other"]);
  await askerOf({ onOtherModel, cache }).asker.ask(endpoint, promptRequest("3"));
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
