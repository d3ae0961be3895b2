import { assertEquals } from "@std/assert";

import { LogitsError } from "../../kernels/engine/generate/generator.ts";
import { makeApp } from "./app.ts";
import { Metrics } from "./counts/metrics.ts";
import { Keys } from "./http/keys.ts";
import { Places } from "./places.ts";
import type { Service } from "./run.ts";

Deno.test("clients are told not to ask again where it would be of no use", async () => {
  let error: Error = new Error();
  const places = new Places(1, 1);
  const models = {
    get: () => {
      throw error;
    },
  };
  const service = { models, places, metrics: new Metrics(places), ending: new AbortController().signal };
  const app = makeApp(service as unknown as Service, {
    keys: new Keys([]),
    maxBody: 1000,
    loadAdapters: false,
    loopback: true,
    origins: [],
    log: () => {},
    fault: () => {},
  });
  const told = async (path: string) => {
    const reply = await app.request(`http://localhost${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", host: "localhost" },
      body: '{"model": "x", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}',
    });
    await reply.body?.cancel();
    return [reply.status, reply.headers.get("x-should-retry")];
  };
  // OpenAI's and Anthropic's clients ask again at 500 and above, unless this header says false
  assertEquals(await told("/v1/chat/completions"), [500, null]);
  assertEquals(await told("/v1/embeddings"), [501, "false"]);
  error = new LogitsError("Are the weights finite?");
  assertEquals(await told("/v1/chat/completions"), [500, "false"]);
  assertEquals(await told("/v1/messages"), [500, "false"]);
});
