/**
 * Steps of the server's test: messages, whole and as events, as Anthropic's client reads and adds them up.
 * @module
 */
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { asked, SERVED_KEY, type ServedClient, type ServedSteps } from "./_client.ts";

/** Sampling isn't in the newest client's types any more. */
type Params = Anthropic.MessageCreateParamsNonStreaming & { temperature?: number };

/** The request of {@linkcode asked}. */
const request = (more: Partial<Params> = {}): Params => ({
  model: "random",
  system: "Be brief.",
  messages: [{ role: "user", content: "Name a river." }],
  temperature: 0,
  max_tokens: 12,
  ...more,
});

const TOOLS: Anthropic.Tool[] = [{
  name: "count",
  description: "Counts",
  input_schema: { type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"] },
}];

const clientOf = ({ served }: ServedClient, apiKey = SERVED_KEY) =>
  new Anthropic({ baseURL: served.base, apiKey, maxRetries: 0 });

/** At a server that answers. */
export const messageSteps: ServedSteps = {
  "a message says what the chat does, and its events add up to it": saysTheSame,
  "a message's call, its result sent back, and JSON": callsAndGoesOn,
  "tokens of a message's prompt are those that it has": countsPrompt,
  "what a message can't be is refused in words of its own fields": refusesByName,
  "models, keys and errors are in the shape that Anthropic's client reads": speaksItsShape,
};

async function saysTheSame(served: ServedClient): Promise<void> {
  const client = clientOf(served);
  const chat = await served.client.chat.completions.create(asked("Name a river."));
  const words = chat.choices[0]?.message.content ?? "";
  const whole = await client.messages.create(request());
  assertEquals(whole.content, [{ type: "text", text: words, citations: null }]);
  assertEquals([whole.stop_reason, whole.stop_sequence, whole.role], ["max_tokens", null, "assistant"]);
  const { input_tokens, cache_read_input_tokens, output_tokens } = whole.usage;
  assertEquals([input_tokens + (cache_read_input_tokens ?? NaN), output_tokens], [
    chat.usage?.prompt_tokens,
    12,
  ]);

  const stream = client.messages.stream(request()), events: Anthropic.RawMessageStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  assertEquals([...new Set(events.map(({ type }) => type))], [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const { id: _, usage: __, ...streamed } = await stream.finalMessage(),
    { id: ___, usage: ____, ...same } = whole;
  assertEquals(streamed, { ...same, parsed_output: null } as unknown as typeof streamed);
  // two texts of one side are one message: the model's template joins them as parts of one
  const twice = await client.messages.create(request({
    system: [{ type: "text", text: "Be brief." }],
    messages: [{ role: "user", content: [{ type: "text", text: "Name a river." }] }],
  }));
  assertEquals(twice.content, whole.content);
  // it ends at a text of the client's
  const stop = words.slice(4, 6), ended = await client.messages.create(request({ stop_sequences: [stop] }));
  assertEquals([ended.stop_reason, ended.stop_sequence], ["stop_sequence", stop]);
  assertEquals(ended.content, [{ type: "text", text: words.split(stop)[0] ?? "", citations: null }]);
}

async function callsAndGoesOn(served: ServedClient): Promise<void> {
  const client = clientOf(served);
  const must = request({ tools: TOOLS, tool_choice: { type: "any" }, max_tokens: 120 });
  const whole = await client.messages.create(must), [call] = whole.content;
  assert(call?.type === "tool_use" && call.id.startsWith("toolu_"));
  assertEquals([whole.stop_reason, call.name, call.caller], ["tool_use", "count", { type: "direct" }]);
  assert(["Rome", "Oslo"].includes((call.input as { city: string }).city));
  const stream = client.messages.stream(must), pieces: string[] = [];
  for await (const event of stream) {
    if (event.type === "content_block_delta" && event.delta.type === "input_json_delta") {
      pieces.push(event.delta.partial_json);
    }
  }
  assert(pieces.length > 1, `${pieces.length} pieces`);
  const [same] = (await stream.finalMessage()).content;
  assert(same?.type === "tool_use");
  assertEquals([same.name, same.input, JSON.parse(pieces.join(""))], [call.name, call.input, call.input]);
  // as the chat's own: the same prompt, so the same answer
  const back = await client.messages.create(request({
    tools: TOOLS,
    messages: [
      { role: "user", content: "Name a river." },
      { role: "assistant", content: whole.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "3" }] },
    ],
  }));
  const chat = await served.client.chat.completions.create({
    ...asked("x"),
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Name a river." },
      {
        role: "assistant",
        content: null,
        tool_calls: [{
          id: call.id,
          type: "function",
          function: { name: call.name, arguments: JSON.stringify(call.input) },
        }],
      },
      { role: "tool", tool_call_id: call.id, content: "3" },
    ],
    tools: TOOLS.map(({ input_schema, ...fields }) => ({
      type: "function" as const,
      function: { ...fields, parameters: input_schema },
    })) as never,
  });
  const [text] = back.content;
  assertEquals(text?.type === "text" && text.text, chat.choices[0]?.message.content);
  const schema = {
    type: "object",
    properties: { kind: { enum: ["a", "b"] }, ok: { type: "boolean" } },
    required: ["kind", "ok"],
    additionalProperties: false,
  };
  const held = await client.messages.create(
    request({ output_config: { format: { type: "json_schema", schema } }, temperature: 1, max_tokens: 80 }),
  );
  const [json] = held.content;
  assert(json?.type === "text");
  assertEquals([held.stop_reason, Object.keys(JSON.parse(json.text))], ["end_turn", ["kind", "ok"]]);
}

async function countsPrompt(served: ServedClient): Promise<void> {
  const client = clientOf(served);
  const { max_tokens: _, temperature: __, ...counted } = request();
  const asked: Partial<Params>[] = [{}, { tools: TOOLS }, { tools: TOOLS, tool_choice: { type: "none" } }];
  for (const more of asked) {
    const { usage } = await client.messages.create(request({ ...more, max_tokens: 1 }));
    const { input_tokens } = await client.messages.countTokens({ ...counted, ...more } as never);
    assertEquals(input_tokens, usage.input_tokens + (usage.cache_read_input_tokens ?? NaN));
  }
  const long = { ...counted, messages: [{ role: "user" as const, content: "word ".repeat(2000) }] };
  assert((await client.messages.countTokens(long)).input_tokens > 1024);
  await assertRejects(
    () => client.messages.countTokens({ ...counted, model: "rondom" }),
    APIError,
    "isn't served",
  );
}

/** The message of an error's body. */
const wordsOf = (error: APIError): string =>
  (error.error as { error?: { message?: string } } | undefined)?.error?.message ?? "";

async function refusesByName(served: ServedClient): Promise<void> {
  const client = clientOf(served);
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
    [{ tools: TOOLS, tool_choice: { type: "tool", name: "f" } }, 400, "the tool f"],
    [
      { output_config: { format: { type: "json_schema", schema: { not: {} } } } },
      400,
      "output_config.format",
    ],
    [{ container: "c" }, 400, "container"],
    [{ temprature: 1 }, 400, "temprature"],
    [{ stop: ["x"] }, 400, "use stop_sequences"],
    [
      { tools: [{ ...TOOLS[0], input_schema: { properties: { city: { not: {} } } }, strict: true }] },
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
      () => client.messages.create({ ...request(), ...more } as unknown as Params),
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
        request({ messages: [{ role: "user", content: "word ".repeat(150) }], max_tokens: 400 }),
      ),
    APIError,
  );
  assert(
    /^input length and `max_tokens` exceed context limit: \d+ \+ 400 > 1024, /.test(wordsOf(error)),
    wordsOf(error),
  );
  const { response } = await client.messages.create({
    ...request({
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

async function speaksItsShape(served: ServedClient): Promise<void> {
  const client = clientOf(served), { base } = served.served;
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
  const wrong = await assertRejects(() => clientOf(served, "sk-wrong").messages.create(request()), APIError);
  assertEquals([wrong.status, (wrong.error as { error: { type: string } }).error.type], [
    401,
    "authentication_error",
  ]);
  const bearer = new Anthropic({ baseURL: base, apiKey: null, authToken: SERVED_KEY, maxRetries: 0 });
  assertEquals((await bearer.messages.create(request())).role, "assistant");
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
    body: JSON.stringify({ ...request(), stream: true }),
  });
  const text = await raw.text();
  assert(text.startsWith("event: message_start\ndata: {") && !text.includes("[DONE]"));
  assert(text.trimEnd().endsWith('event: message_stop\ndata: {"type":"message_stop"}'), text.slice(-200));
}
