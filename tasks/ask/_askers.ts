/**
 * Askers of endpoints that answer by a script, on a clock of their own.
 * @module
 */
import type { Completion, CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import type { Clock } from "./adaptive_limit.ts";
import { Asker } from "./asker.ts";
import { ResponseCache } from "./response_cache.ts";
import { Meter } from "./usage.ts";

/** An answer of 5 tokens. */
export const yesReply = (text = "yes"): Completion => ({
  outcome: "stop",
  text,
  promptTokens: 10,
  completionTokens: 5,
});

/** A request of one message. */
export const promptRequest = (content = "hi"): CompletionRequest => ({
  messages: [{ role: "user", content }],
  temperature: 0,
  top_p: 1,
  max_tokens: 10,
});

/** An endpoint that answers its n-th request as `answers` says, and counts them. */
export function scriptedEndpoint(
  answers: (n: number) => Completion | Promise<Completion>,
): Endpoint & { asked: number } {
  const endpoint = {
    model: "m",
    asked: 0,
    complete: () => Promise.resolve(answers(endpoint.asked++)),
    close: () => Promise.resolve(),
  };
  return endpoint;
}

/** A clock on which a sleep takes no time but its own. */
export function fakeClock(): Clock & { time: number; slept: number[] } {
  const clock = {
    time: 0,
    slept: [] as number[],
    now: () => clock.time,
    sleep: (ms: number) => (clock.slept.push(ms), clock.time += ms, Promise.resolve()),
  };
  return clock;
}

/** An asker with a cache in memory, 8 at once and 3 retries. */
export function askerOf(more: Partial<ConstructorParameters<typeof Asker>[0]> = {}) {
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
