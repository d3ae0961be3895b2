/** A run ends at its budgets, and what is under way is finished. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Completion, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { Stopped } from "./stopped.ts";
import { requestKey } from "./response_cache.ts";
import { Meter } from "./usage.ts";
import { askerOf, promptRequest, scriptedEndpoint, yesReply } from "./_askers.ts";

Deno.test("Asker counts what is under way as part of a budget", async () => {
  const meter = new Meter({ tokens: 150 });
  const { asker } = askerOf({ meter, start: 8, concurrency: 8 });
  const waiting: (() => void)[] = [];
  const endpoint = scriptedEndpoint(() =>
    new Promise<Completion>((resolve) => waiting.push(() => resolve(yesReply())))
  );
  const asked = Array.from(
    { length: 40 },
    (_, i) => asker.ask(endpoint, promptRequest(`${i}`)).catch(() => null),
  );
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
    const endpoint = { ...scriptedEndpoint(() => yesReply()), prices };
    let sent = 0;
    await assertRejects(
      async () => {
        for (let i = 0; i < 10; i++, sent++) await asker.ask(endpoint, promptRequest(`${i}`));
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
  const endpoint = scriptedEndpoint(() => (now += 1500, yesReply()));
  await asker.ask(endpoint, promptRequest("1"));
  await asker.ask(endpoint, promptRequest("2"));
  await assertRejects(() => asker.ask(endpoint, promptRequest("3")), Stopped, "2 seconds");
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
  const asked = asker.ask(endpoint, promptRequest());
  await new Promise((resolve) => setTimeout(resolve, 0));
  stop.abort();
  finish(yesReply("paid for"));
  assertEquals((await asked).completion.text, "paid for");
  assert(cache.get(requestKey(endpoint, promptRequest())) !== undefined);
  await assertRejects(() => asker.ask(endpoint, promptRequest("next")), Stopped);
});
