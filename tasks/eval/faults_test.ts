/** Cost of isolated errors of a server, in virtual time: the same on every machine. */
import { assert } from "@std/assert";

import type { Completion, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { failed } from "../../plugins/endpoints/failures.ts";
import { virtualClock } from "../../tests/helpers/virtual_clock.ts";
import { Asker } from "../ask/asker.ts";
import { forEachWide } from "../ask/for_each_wide.ts";
import { Meter } from "../ask/usage.ts";

/** In [0, 1), the same in every run. */
const scattered = (n: number) => (Math.imul(n + 1, 2_654_435_761) >>> 0) / 2 ** 32;

/** Seconds for 2,000 items of 50 ms, 64 at once. */
async function secondsFor(share: number): Promise<number> {
  const clock = virtualClock();
  let n = 0;
  const endpoint: Endpoint = {
    model: "m",
    async complete(): Promise<Completion> {
      const fails = scattered(n++) < share;
      await clock.sleep(50, new AbortController().signal);
      return fails
        ? failed("server", "oops")
        : { outcome: "stop", text: "yes", promptTokens: 9, completionTokens: 9 };
    },
    close: () => Promise.resolve(),
  };
  let m = 0;
  const asker = new Asker({
    cache: null,
    meter: new Meter({}, clock.now),
    concurrency: 64,
    start: 16,
    retries: 6,
    signal: new AbortController().signal,
    clock,
    random: () => scattered(m++),
  });
  const items = Array.from({ length: 2000 }, (_, i) => ({
    messages: [{ role: "user" as const, content: `${i}` }],
    temperature: 0,
    top_p: 1,
    max_tokens: 9,
  }));
  let failures = 0;
  await clock.run(forEachWide(items, 128, async (item) => {
    if ((await asker.ask(endpoint, item)).completion.outcome === "error") failures++;
  }));
  assert(failures === 0, `${failures} items failed`);
  return clock.now() / 1000;
}

Deno.test("Asker: 5 % of isolated errors cost less than half again, 2 % less than a third", async () => {
  const without = await secondsFor(0);
  assert(without < 2, `${without} s`);
  for (const [share, most] of [[0.02, 1.33], [0.05, 1.5]] as const) {
    const ratio = await secondsFor(share) / without;
    assert(ratio < most, `${100 * share} %: ${ratio.toFixed(2)} times ${without} s`);
  }
});
