/**
 * Steps of the server's test: what a message can't be, and models, keys and errors as Anthropic's client reads them.
 * @module
 */
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { SERVED_KEY, type ServedClient } from "./_client.ts";
import { MESSAGE_TOOLS, messageClient, type MessageParams, messageRequest } from "./_message_request.ts";

/** The message of an error's body. */
const wordsOf = (error: APIError): string =>
  (error.error as { error?: { message?: string } } | undefined)?.error?.message ?? "";

/** What can't be is refused in words of the request's own fields. */
export async function refusesByName(served: ServedClient): Promise<void> {
  const client = messageClient(served);
  const user = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });
  const cases: [Record<string, unknown>, number, string][] = [
    [{ max_tokens: undefined }, 400, "max_tokens: a number is needed; current value is missing"],
    [{ model: "rondom" }, 404, '"rondom"'],
    [{ max_tokens: 401 }, 400, "max_tokens: Cannot answer with up to 401 tokens: this server's limit is 400"],
    [{ min_tokens: 20 }, 400, "min_tokens: Cannot answer with 20 tokens at least"],
    [{ max_tokens: "5" }, 400, "max_tokens"],
    [{ messages: [] }, 400, "messages"],
    [{ messages: [{ role: "tool", content: "x" }] }, 400, "messages[0].role"],
    [
      user({ type: "image", source: {} }),
      400,
      'messages[0].content[0] of type "image": the model reads texts alone',
    ],
    [user({ type: "text", text: 5 }), 400, "messages[0].content[0]: Cannot use text"],
    [user("x"), 400, "messages[0].content[0]"],
    [user({ type: "tool_result" }), 400, "tool_use_id"],
    [
      { messages: [{ role: "assistant", content: [{ type: "redacted_thinking", data: "x" }] }] },
      400,
      "sealed",
    ],
    [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, 400, "tools[0].type"],
    [{ tools: [{ name: "f" }] }, 400, "tools[0].input_schema"],
    [{ tool_choice: { type: "any" } }, 400, "tool_choice"],
    [{ tools: MESSAGE_TOOLS, tool_choice: { type: "tool", name: "f" } }, 400, "the tool f"],
    [
      { output_config: { format: { type: "json_schema", schema: { not: {} } } } },
      400,
      "output_config.format",
    ],
    [{ container: "c" }, 400, "container"],
    [{ temprature: 1 }, 400, "temprature"],
    [{ stop: ["x"] }, 400, "use stop_sequences"],
    [
      { tools: [{ ...MESSAGE_TOOLS[0], input_schema: { properties: { city: { not: {} } } }, strict: true }] },
      400,
      "tools.count.input_schema",
    ],
    [
      { tools: [{ name: "f", input_schema: { type: "string" } }], tool_choice: { type: "any" } },
      400,
      "tools.f.input_schema",
    ],
    [{ messages: [{ role: "assistant", content: "" }] }, 400, "messages"],
    [{ stop_sequences: "x" }, 400, "stop_sequences"],
    [user({ type: "text", text: "word ".repeat(2000) }), 400, "prompt is too long: "],
  ];
  for (const [more, status, words] of cases) {
    const error = await assertRejects(
      () => client.messages.create({ ...messageRequest(), ...more } as unknown as MessageParams),
      APIError,
    );
    assertEquals(error.status, status, wordsOf(error));
    assertStringIncludes(wordsOf(error), words);
    assert(
      !/response_format|reasoning_effort|continue_final|parameters/.test(wordsOf(error)),
      wordsOf(error),
    );
  }
  // by these words clients ask for less
  const error = await assertRejects(
    () =>
      client.messages.create(
        messageRequest({ messages: [{ role: "user", content: "word ".repeat(150) }], max_tokens: 400 }),
      ),
    APIError,
  );
  assert(
    /^input length and `max_tokens` exceed context limit: \d+ \+ 400 > 1024, /.test(wordsOf(error)),
    wordsOf(error),
  );
  const { response } = await client.messages.create({
    ...messageRequest({
      metadata: { user_id: "u" },
      thinking: { type: "adaptive" },
      cache_control: { type: "ephemeral" },
    }),
    messages: [{
      role: "user",
      content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }],
    }],
  }).withResponse();
  assertEquals(
    response.headers.get("x-dinotune-unused"),
    "metadata, cache_control, thinking, messages.content.cache_control",
  );
}

/** Models, wrong keys and errors of paths and bodies have the form that the client reads. */
export async function speaksItsShape(served: ServedClient): Promise<void> {
  const client = messageClient(served), { base } = served.served;
  const models = await client.models.list();
  assertEquals(models.data.map(({ id, type, max_input_tokens }) => [id, type, max_input_tokens]), [
    ["random", "model", 1024],
    ["tuned", "model", 1024],
  ]);
  const { created_at, ...tuned } = await client.models.retrieve("tuned");
  assert(!Number.isNaN(Date.parse(created_at)), created_at);
  const expected: Omit<Anthropic.ModelInfo, "created_at"> = {
    type: "model",
    id: "tuned",
    display_name: "tuned",
    max_input_tokens: 1024,
    max_tokens: 1024,
    line: null,
    capabilities: null,
    lifecycle: "active",
    deprecated_at: null,
    retires_at: null,
  };
  assertEquals(tuned, expected);
  const wrong = await assertRejects(
    () => messageClient(served, "sk-wrong").messages.create(messageRequest()),
    APIError,
  );
  assertEquals([wrong.status, (wrong.error as { error: { type: string } }).error.type], [
    401,
    "authentication_error",
  ]);
  const bearer = new Anthropic({ baseURL: base, apiKey: null, authToken: SERVED_KEY, maxRetries: 0 });
  assertEquals((await bearer.messages.create(messageRequest())).role, "assistant");
  const headers = { "content-type": "application/json", "x-api-key": SERVED_KEY };
  const ask = async (path: string, body: string | null) => {
    const reply = await fetch(
      `${base}${path}`,
      body === null ? { headers } : { method: "POST", headers, body },
    );
    const { type, error } = await reply.json();
    assertEquals(type, "error");
    return [reply.status, error.type, error.message];
  };
  assertEquals((await ask("/v1/messages", "{")).slice(0, 2), [400, "invalid_request_error"]);
  assertEquals((await ask("/v1/messages", null)).slice(0, 2), [405, "invalid_request_error"]);
  assertEquals((await ask("/v1/messages", "y".repeat(200_001))).slice(0, 2), [413, "request_too_large"]);
  const [status, kind, words] = await ask("/v1/messages/batches", "{}");
  assertEquals([status, kind], [404, "not_found_error"]);
  assertStringIncludes(words, "nothing is kept");
  const reply = await fetch(`${base}/v1/v1/messages`, { method: "POST", headers, body: "{}" });
  assertStringIncludes((await reply.json()).error.message, "without /v1 at the end of the base URL");
  // as it comes over the wire: each event by name, and no [DONE]
  const raw = await fetch(`${base}/v1/messages?beta=true`, {
    method: "POST",
    headers,
    body: JSON.stringify({ ...messageRequest(), stream: true }),
  });
  const text = await raw.text();
  assert(text.startsWith("event: message_start\ndata: {") && !text.includes("[DONE]"));
  assert(text.trimEnd().endsWith('event: message_stop\ndata: {"type":"message_stop"}'), text.slice(-200));
}
