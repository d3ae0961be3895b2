/**
 * Steps of the server's test: requests that are refused, each in OpenAI's shape.
 * @module
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI, { APIError, AuthenticationError } from "openai";
import { asked, SERVED_KEY, type ServedClient, type WholeChat } from "./_client.ts";

/** Chat completions that are refused, with what the error says. */
const REFUSED: [request: unknown, status: number, param: string | null, words: string][] = [
  [asked("x", { model: "rondom" }), 404, "model", 'did you mean "random"'],
  [{ ...asked("x"), guided_grammar: "root ::= x" }, 400, "guided_grammar", "response_format"],
  [{ ...asked("x"), structured_outputs: {} }, 400, "structured_outputs", "one of json, regex, choice"],
  [
    { ...asked("x"), structured_outputs: { grammar: "root ::= x" } },
    400,
    "structured_outputs.grammar",
    "aren't followed here",
  ],
  [{ ...asked("x"), guided_regex: "a", guided_choice: ["a"] }, 400, "guided_choice", "at once"],
  [{ ...asked("x"), guided_regex: "(a" }, 400, "guided_regex", "Unterminated group"],
  [{ ...asked("x"), structured_outputs: { json: "{" } }, 400, "structured_outputs.json", "isn't JSON"],
  [{ ...asked("x"), temprature: 1 }, 400, "temprature", 'did you mean "temperature"'],
  [asked("x", { temperature: -1 }), 400, "temperature", "-1"],
  [asked("x", { n: 0 }), 400, "n", "0"],
  [asked("x", { max_tokens: 401 }), 400, "max_tokens", "limit is 400"],
  [asked("x", { messages: [{ role: "assistant", content: "x" }] }), 400, "messages", "comes last"],
  [
    asked("x", { messages: [{ role: "robot" as "user", content: "x" }] }),
    400,
    "messages[0].role",
    "developer",
  ],
  [
    asked("x", {
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] }],
    }),
    400,
    "messages[0].content[0]",
    "not text",
  ],
  [asked("word ".repeat(2000)), 400, "messages", "maximum context length is 1024 tokens"],
  [
    asked("word ".repeat(190), { max_tokens: 100 }),
    400,
    "max_tokens",
    "context length is 1024 tokens. However, your",
  ],
  [
    asked("word ".repeat(190), { max_tokens: undefined as never, max_completion_tokens: 100 }),
    400,
    "max_completion_tokens",
    "max_completion_tokens asks for 100",
  ],
  [
    { ...asked("word ".repeat(190), { max_tokens: null }), min_tokens: 100 },
    400,
    "min_tokens",
    "100 tokens at least and",
  ],
  [asked("x", { logit_bias: { "99999": 1 } }), 400, "logit_bias", "token ids below 304"],
  [{ ...asked("x"), stop_token_ids: [999] }, 400, "stop_token_ids", "with stop_token_ids"],
  [{ ...asked("x"), min_tokens: 13 }, 400, "min_tokens", "13 tokens at least and 12 at most"],
  [asked("x", { stop: Array(17).fill("a") }), 400, "stop", "up to 16 texts"],
  [{ ...asked("x"), prompt: "x" }, 400, "prompt", "use messages"],
  [asked("x", { n: 7 }), 400, "n", "6 places"],
  // nothing is passed over inside of a field either
  [
    {
      ...asked("x"),
      stream: true,
      stream_options: { include_usage: true, continuous_usage: true },
    },
    400,
    "stream_options.continuous_usage",
    'did you mean "continuous_usage_stats"',
  ],
  [
    { ...asked("x"), response_format: { type: "json_schema", json_schema: { name: "a", schem: {} } } },
    400,
    "response_format.json_schema.schema",
    "a map is needed; current value is missing",
  ],
  [
    {
      ...asked("x"),
      response_format: { type: "json_schema", json_schema: { name: "a", schema: {}, stric: true } },
    },
    400,
    "response_format.json_schema.stric",
    'did you mean "strict"',
  ],
  [
    { ...asked("x"), response_format: { type: "json" } },
    400,
    "response_format.type",
    "one of text, json_object, json_schema is needed",
  ],
  [
    // as llama.cpp's server takes it
    { ...asked("x"), response_format: { type: "json_object", schema: {} } },
    400,
    "response_format.schema",
    'use type "json_schema" with',
  ],
  [asked("x", { logit_bias: { five: 1 } }), 400, "logit_bias.five", "needs token ids"],
  [
    { ...asked("x"), tools: [{ type: "function", function: { name: "f", parameter: {} } }] },
    400,
    "tools[0].function.parameter",
    'did you mean "parameters"',
  ],
  [asked("x", { reasoning_effort: "none" }), 400, "reasoning_effort", "no switch for thinking"],
  [
    asked("x", { max_completion_tokens: 5, max_tokens: 6 }),
    400,
    "max_tokens",
    "beside max_completion_tokens",
  ],
  [asked("x", { verbosity: "low" }), 400, "verbosity", "no such setting"],
  [{ ...asked("x"), return_token_ids: true }, 400, "return_token_ids", "told as texts"],
  [
    { ...asked("x"), guided_json: '{"items":'.repeat(5000) + "{}" + "}".repeat(5000) },
    400,
    "guided_json",
    "nested more than 500 levels deep",
  ],
  [asked("y".repeat(200_001)), 413, null, "200000 bytes"],
];

/** Refuses in OpenAI's shape. */
export async function refusesInOpenaisShape(refused: ServedClient): Promise<void> {
  await refusesFields(refused);
  await refusesKeysAndTasks(refused);
  await refusesOtherHttp(refused);
}

async function refusesFields({ client }: ServedClient): Promise<void> {
  const wrong = async (request: unknown) =>
    await client.chat.completions.create(request as WholeChat).then(
      () => null,
      (error: APIError) => error,
    );
  for (const [request, status, param, words] of REFUSED) {
    const error = await wrong(request);
    assertEquals([error?.status, error?.param ?? null], [status, param], words);
    assertStringIncludes(error!.message, words);
    assertEquals(error!.type, "invalid_request_error");
  }
}

async function refusesKeysAndTasks({ client, baseURL }: ServedClient): Promise<void> {
  await assertRejects(
    () => new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 }).models.list(),
    AuthenticationError,
  );
  // texts by themselves are as many answers
  const many = await assertRejects(
    () => client.completions.create({ model: "random", prompt: Array(7).fill("x"), max_tokens: 1 }),
    APIError,
    "6 places",
  );
  assertEquals([many.status, many.param], [400, "prompt"]);
  await assertRejects(
    () => client.embeddings.create({ model: "random", input: "x" }),
    APIError,
    "Embeddings",
  );
}

/** Requests with another method, type or path. */
async function refusesOtherHttp({ served, baseURL }: ServedClient): Promise<void> {
  const headers = { authorization: `Bearer ${SERVED_KEY}` };
  const post = (body: BodyInit, type: string, more: Record<string, string> = {}) =>
    fetch(`${baseURL}/chat/completions`, {
      method: "POST",
      body,
      headers: { ...headers, "content-type": type, ...more },
    });
  const to = (path: string, method = "GET") => fetch(`${served.base}${path}`, { method, headers });
  const requests: [status: number, reply: Promise<Response>, allowed?: string][] = [
    [415, post("{}", "text/plain")],
    [400, post("{", "application/json")],
    [415, post("{}", "application/json", { "content-encoding": "gzip" })],
    [415, post("{}", "application/json; charset=latin1")],
    [400, post(new Uint8Array([0x22, 0xe9, 0x22]), "application/json")],
    [405, to("/v1/chat/completions"), "POST"],
    [405, to("/health", "POST"), "GET, HEAD"],
    [415, to("/v1/responses", "POST")],
    [
      400,
      fetch(`${baseURL}/completions`, {
        method: "POST",
        body: '{"prompt": [999]}',
        headers: { ...headers, "content-type": "application/json" },
      }),
    ],
    [404, to("/v1/nothing")],
    [401, fetch(`${served.base}/v1/models`)],
    [401, fetch(`${served.base}/metrics`)],
    [405, to("/v1/models/tuned", "POST")],
  ];
  const other = to("/chat/completions", "POST"), asGiven = [to("/v1/models/tuned/"), to("/v1/models/?x=1")];
  for (const [status, request, allowed] of requests) {
    const reply = await request;
    assertEquals(reply.status, status, reply.url);
    if (allowed) assertEquals(reply.headers.get("allow"), allowed);
    assertEquals(typeof (await reply.json()).error.message, "string");
  }
  assertEquals((await other).status, 404);
  assertStringIncludes((await (await other).json()).error.message, "ask /v1/chat/completions");
  for (
    const [method, path, words] of [
      ["POST", "/api/chat", "Ollama's own interface"],
      ["POST", "/v1/complete", "Anthropic's older interface; ask /v1/messages"],
      ["GET", "/props", "llama.cpp's own interface"],
      ["POST", "/v1/audio/speech", "writes texts"],
      ["GET", "/v1/files/file-1", "nothing is kept"],
      ["GET", "/v1/responses/resp_1", "aren't kept here"],
      ["POST", "/v1/responses/compact", "send a shorter input"],
      ["POST", "/v1/chat/completion", 'did you mean "/v1/chat/completions"?'],
    ] as const
  ) {
    const reply = await to(path, method), { error } = await reply.json();
    assertEquals([reply.status, error.code], [404, "not_found"]);
    assertStringIncludes(error.message, words);
  }
  // the page is no word that somebody mistyped
  assertEquals((await (await to("/x", "GET")).json()).error.message, "There is nothing at GET /x");
  const [one, all] = await Promise.all(asGiven);
  assertEquals([one?.status, all?.status], [200, 200]);
  assertEquals((await one?.json()).id, "tuned");
  assertEquals((await all?.json()).data.length, 2);
}
