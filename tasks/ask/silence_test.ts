import { assert, assertEquals } from "@std/assert";

import type { Completion, CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { failed } from "../../plugins/endpoints/failures.ts";
import { virtualClock } from "../../tests/helpers/virtual_clock.ts";
import { Asker, type AskerOptions } from "./asker.ts";
import { forEachWide } from "./for_each_wide.ts";
import { ResponseCache } from "./response_cache.ts";
import { Stopped } from "./stopped.ts";
import { Meter } from "./usage.ts";

const TIMEOUT_MS = 600_000;

const requestOf = (item: number): CompletionRequest => ({
  messages: [{ role: "user", content: `${item}` }],
  temperature: 0,
  top_p: 1,
  max_tokens: 9,
});

/** Asks for `items` in virtual time; the endpoint answers in a second, or hangs until the time limit. */
async function run(
  items: number,
  hangs: (item: number, ms: number) => boolean,
  more: Partial<AskerOptions> = {},
) {
  const clock = virtualClock();
  let asked = 0;
  const endpoint: Endpoint = {
    model: "m",
    async complete({ messages }): Promise<Completion> {
      asked++;
      const isHanging = hangs(Number(messages[0]!.content), clock.now());
      await clock.sleep(isHanging ? TIMEOUT_MS : 1000, new AbortController().signal);
      return isHanging
        ? failed("timeout", "no answer in 600 s")
        : { outcome: "stop", text: "yes", promptTokens: 9, completionTokens: 9 };
    },
    close: () => Promise.resolve(),
  };
  const asker = new Asker({
    cache: null,
    meter: new Meter({}, clock.now),
    concurrency: 64,
    start: 1,
    retries: 6,
    signal: new AbortController().signal,
    clock,
    random: () => 0.5,
    ...more,
  });
  let answered = 0;
  const all = forEachWide(Array.from({ length: items }, (_, i) => i), 128, async (item) => {
    if ((await asker.ask(endpoint, requestOf(item))).completion.outcome === "stop") answered++;
  });
  await clock.run(all.catch((error) => assert(error instanceof Stopped, `${error}`)));
  return { answered, asked, timeouts: clock.now() / TIMEOUT_MS, stopped: asker.stopped };
}

Deno.test("a server that times out on everything ends a run after twenty timeouts, whether or not it ever answered", async () => {
  const fresh = await run(300, () => true);
  assertEquals([fresh.answered, fresh.stopped?.why, fresh.stopped?.passing], [0, "fatal", true]);
  assertEquals(
    fresh.stopped?.message,
    "20 requests in a row got no answer in time, 20 times one after the other; the last one: no answer in 600 s",
  );
  assert(fresh.timeouts < 21, `${fresh.timeouts} timeouts`);

  // an answer of another start is in the cache
  const cache = new ResponseCache(":memory:");
  assertEquals((await run(1, () => false, { cache })).answered, 1);
  const again = await run(300, () => true, { cache });
  assertEquals([again.answered, again.stopped?.why, again.stopped?.passing], [1, "fatal", true]);
  assert(again.timeouts < 21, `${again.timeouts} timeouts`);

  // it answered many at once, then none: as long as one request with its six retries
  const hung = await run(2000, (_, ms) => ms > 20_000, { start: 16 });
  assert(hung.answered > 300, `${hung.answered} answered`);
  assertEquals(hung.stopped?.passing, true);
  assert(hung.timeouts > 7 && hung.timeouts < 7.5, `${hung.timeouts} timeouts`);
});

Deno.test("a server that hangs for a while, or on less than twenty items, ends no run", async () => {
  const back = await run(2000, (_, ms) => ms > 20_000 && ms < 5 * TIMEOUT_MS, { start: 16 });
  assertEquals([back.answered, back.stopped], [2000, null]);
  const hard = await run(60, (item) => item < 19);
  assertEquals([hard.answered, hard.stopped], [41, null]);
  // those that failed at an earlier start may fail again
  const known = await run(60, (item) => item < 25, { failedBefore: 6, retries: 0 });
  assertEquals([known.answered, known.stopped], [35, null]);
  // without retries one that hangs once with all that it was asked is asked further
  const once = await run(2000, (_, ms) => ms > 20_000 && ms < 21_500, { start: 16, retries: 0 });
  assertEquals(once.stopped, null);
  assert(once.answered > 1800 && once.answered < 2000, `${once.answered} answered`);
});
