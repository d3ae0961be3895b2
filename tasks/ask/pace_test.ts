import { assertEquals } from "@std/assert";

import { Pace } from "./pace.ts";
import type { Usage } from "./usage.ts";

const usage = (seconds: number, completionTokens: number, cost = 0): Usage => ({
  requests: 0,
  cached: 0,
  retries: 0,
  promptTokens: 0,
  completionTokens,
  cost,
  estimated: 0,
  seconds,
});

Deno.test("Pace tells tokens a second, time left and cost, once there is a second to tell of", () => {
  const pace = new Pace();
  assertEquals(pace.text("generate", 0, 100, usage(0, 0)), "");
  assertEquals(pace.text("generate", 2, 100, usage(0.5, 100)), "");
  // 4 items and 400 tokens in two seconds: 96 items take 48
  assertEquals(pace.text("generate", 4, 100, usage(2, 400)), "200 tokens/s, 0:00:48 left");
  assertEquals(pace.text("generate", 8, 100, usage(4, 800, 0.5)), "200 tokens/s, 0:00:46 left, cost 0.5000");
  // another stage starts from its own items, the counts continue
  assertEquals(pace.text("judge", 0, 100, usage(5, 900, 0.5)), "cost 0.5000");
  assertEquals(pace.text("judge", 10, 100, usage(7, 1000, 0.6)), "50 tokens/s, 0:00:18 left, cost 0.6000");
  pace.text("score", 0, 100, usage(8, 1000));
  assertEquals(pace.text("score", 10, 100, usage(10, 1000)), "0:00:18 left");
});

Deno.test("Pace forgets items that an earlier start had answered", () => {
  const pace = new Pace();
  pace.text("generate", 0, 2000, usage(0, 0));
  pace.text("generate", 1000, 2000, usage(0.1, 0));
  let text = "";
  for (let second = 1; second <= 60; second++) {
    text = pace.text("generate", 1000 + second, 2000, usage(second, 100 * second));
  }
  // an item a second: 940 seconds
  assertEquals(text, "100 tokens/s, 0:15:40 left");
});
