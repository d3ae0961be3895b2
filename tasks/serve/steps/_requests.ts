/**
 * Steps of the server's test: requests as other clients and pages of browsers send them, and those that are refused.
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { until } from "../../../tests/helpers/until.ts";
import { readOrigins } from "../http/origins.ts";
import { asked, SERVED_KEY, type ServedClient, type ServedSteps } from "./_client.ts";
import { refusesInOpenaisShape } from "./_refused.ts";

/** At a server that answers. */
export const requestSteps: ServedSteps = {
  "errors in OpenAI's shape": refusesInOpenaisShape,
  "requests as other clients send them: nulls, empty lists, texts in lists, seeds of 64 bits":
    takesOtherClientsRequests,
  "pages of this machine may ask from any port, and those of others may not": letsPagesOfThisMachineAsk,
  "fields without effect are named in a header": namesUnusedFields,
  "each request has an id: in headers, clients' errors and the log; a client's own where it is plain":
    givesRequestIds,
};

async function takesOtherClientsRequests({ baseURL }: ServedClient): Promise<void> {
  const ask = async (request: unknown) => {
    const reply = await fetch(`${baseURL}/chat/completions`, {
      method: "POST",
      body: JSON.stringify(request),
      headers: { authorization: `Bearer ${SERVED_KEY}`, "content-type": "application/json" },
    });
    return [reply.status, (await reply.json()).choices?.[0].message.content];
  };
  const plain = asked("Name a river.", { max_tokens: 4 }), expected = await ask(plain);
  const said = (...content: unknown[]) => [plain.messages[0], { role: "user", content }];
  const same: Record<string, unknown>[] = [
    {
      model: null,
      guided_json: null,
      mm_processor_kwargs: null,
      tools: null,
      stop: null,
      logit_bias: null,
    },
    { tools: [], tool_choice: "auto" },
    { stop: ["zz", "yy", "xx", "ww"], logit_bias: {}, response_format: { type: "text" } },
    { seed: 2 ** 63 - 1 },
    { seed: -(2 ** 63) },
    { messages: said("Name a river.") },
    ...["text", "input_text", "output_text"].map((type) => ({
      messages: said({ type, text: "Name a river." }),
    })),
  ];
  for (const more of same) assertEquals(await ask({ ...plain, ...more }), expected, JSON.stringify(more));
  // the same seed is the same answer, another is another, beyond 53 bits as well
  const drawn = (seed: number) => ask({ ...plain, temperature: 2, max_tokens: 12, seed });
  assertEquals(await drawn(2 ** 60), await drawn(2 ** 60));
  assert((await drawn(2 ** 60))[1] !== (await drawn(2 ** 60 + 4096))[1]);
  const refused: Record<string, unknown>[] = [
    { tool_choice: "auto" },
    { tools: [], tool_choice: "required" },
    { seed: 2 ** 65 },
    { seed: 0.5 },
    { stop: "" },
    { messages: said(5) },
  ];
  for (const more of refused) {
    assertEquals(
      (await ask({ ...plain, ...more }))[0],
      400,
      JSON.stringify(more),
    );
  }
}

async function letsPagesOfThisMachineAsk({ baseURL }: ServedClient): Promise<void> {
  const ask = (origin: string, method: string, more: Record<string, string> = {}) =>
    fetch(`${baseURL}/models`, { method, headers: { origin, ...more } });
  const before = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };
  const mine = "http://localhost:3000", other = "https://example.org";
  const replies = await Promise.all([
    ask(mine, "OPTIONS", before),
    ask(other, "OPTIONS", before),
    ask(mine, "GET", { authorization: `Bearer ${SERVED_KEY}` }),
    ask(other, "GET", { authorization: `Bearer ${SERVED_KEY}` }),
    ask("http://localhost.example.org", "OPTIONS", before),
  ]);
  assertEquals(
    replies.map(({ status, headers }) => [status, headers.get("access-control-allow-origin")]),
    [[204, mine], [403, null], [200, mine], [200, null], [403, null]],
  );
  const [first, , read] = replies;
  assertEquals(first?.headers.get("access-control-allow-headers"), "authorization,content-type");
  assertStringIncludes(first?.headers.get("access-control-allow-methods") ?? "", "POST");
  const exposed = read?.headers.get("access-control-expose-headers")?.split(",");
  assertEquals(exposed, ["x-dinotune-unused", "retry-after", "x-request-id", "request-id"]);
  for (const reply of replies) await reply.body?.cancel();
  assertEquals(readOrigins(["https://a.org", "http://b:80/", "*"]), ["https://a.org", "http://b", "*"]);
  for (const wrong of ["a.org", "https://a.org/x", "file:///x", ""]) {
    assertThrows(() => readOrigins([wrong]), RangeError, "needs a scheme");
  }
}

async function namesUnusedFields({ client }: ServedClient): Promise<void> {
  const named = asked("x", { user: "u", service_tier: "flex", max_tokens: 1 });
  named.messages = [
    {
      role: "user",
      content: [{ type: "text", text: "x", cache: 1 } as { type: "text"; text: string }],
      name: "Ada",
    },
    { role: "assistant", content: "y", reasoning: "z" } as OpenAI.Chat.ChatCompletionMessageParam,
    { role: "user", content: "x" },
  ];
  for (const stream of [false, true]) {
    const { data, response } = await client.chat.completions.create({ ...named, stream }).withResponse();
    assertEquals(
      response.headers.get("x-dinotune-unused"),
      "user, messages.name, messages.content.cache",
    );
    if ("choices" in data) assertEquals(data.service_tier, "default");
    else for await (const chunk of data) assertEquals(chunk.service_tier, "default");
  }
  const { response } = await client.chat.completions.create(asked("x", { max_tokens: 1 })).withResponse();
  assertEquals(response.headers.get("x-dinotune-unused"), null);
  const text = { model: "random", prompt: "x", max_tokens: 1, user: "u" };
  const told = (await client.completions.create(text).withResponse()).response;
  assertEquals(told.headers.get("x-dinotune-unused"), "user");
}

async function givesRequestIds({ served, client, baseURL }: ServedClient): Promise<void> {
  const isOwn = (id: string | null | undefined) => /^req_[A-Za-z0-9]{24}$/.test(id ?? "");
  const given: (string | null | undefined)[] = [];
  for (const stream of [false, true]) {
    const reply = await client.chat.completions.create(asked("x", { max_tokens: 1, stream: stream as false }))
      .withResponse();
    given.push(reply.request_id);
    assertEquals(reply.response.headers.get("request-id"), reply.request_id);
    if (Symbol.asyncIterator in reply.data) {
      for await (const _ of reply.data as unknown as AsyncIterable<unknown>);
    }
  }
  // refused by a field, and for want of a key
  const other = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
  for (const each of [client, other]) {
    const error = await assertRejects(
      () => each.chat.completions.create(asked("x", { model: "rondom" })),
      OpenAI.APIError,
    );
    given.push(error.requestID);
  }
  const ofAnthropic = new Anthropic({ baseURL: served.base, apiKey: SERVED_KEY, maxRetries: 0 });
  const refused = await assertRejects(
    () =>
      ofAnthropic.messages.create({
        model: "rondom",
        max_tokens: 1,
        messages: [{ role: "user", content: "x" }],
      }),
    Anthropic.APIError,
  );
  given.push(refused.requestID);
  assertEquals((refused.error as { request_id?: string }).request_id, refused.requestID);
  assert(given.every(isOwn) && new Set(given).size === given.length, given.join());
  await until("their lines of the log", () => given.every((id) => served.log().includes(` ms ${id}`)), {
    said: served.log,
  });
  const idFor = async (own: string, path = "/health") => {
    const reply = await fetch(`${served.base}${path}`, { headers: { "x-request-id": own } });
    await reply.body?.cancel();
    return reply.headers.get("x-request-id");
  };
  for (const own of ["trace-1_a=", "x".repeat(128)]) {
    for (const path of ["/health", "/", "/v1/nothing", "/v1/models"]) {
      assertEquals(await idFor(own, path), own);
    }
  }
  // no words of others in the log
  for (const own of ["two words", "a,b", "<b>", '"', "x".repeat(129), ""]) {
    assert(isOwn(await idFor(own)), own);
  }
}
