import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";

import { completionResponse, type MockOptions, mockServer } from "../../tasks/bench/eval/mock_server.ts";
import { unusedPort } from "../../tests/helpers/unused_port.ts";
import type { Completion, CompletionRequest } from "../kinds/endpoint.ts";
import { openaiEndpoint, type OpenaiOptions } from "./openai.ts";
import openaiPlugin from "./openai.ts";
import { endpointOf } from "./released_names.ts";

const SECRET = "sk-test-do-not-show-0123456789";
const env = (name: string) => name === "OPENAI_API_KEY" ? SECRET : undefined;
const request: CompletionRequest = {
  messages: [{ role: "user", content: "hello" }],
  temperature: 0.1,
  top_p: 0.9,
  max_tokens: 64,
};

function optionsFor(base: string, more: Partial<OpenaiOptions> = {}): OpenaiOptions {
  return { ...openaiPlugin.options.parse({ name: "m", api_base: base }), ...more };
}

async function ask(
  respond: MockOptions["respond"],
  more: Partial<OpenaiOptions> = {},
  what: Partial<CompletionRequest> = {},
): Promise<Completion> {
  await using server = mockServer({ ...(respond && { respond }) });
  const endpoint = openaiEndpoint(optionsFor(server.base, more), { env });
  return await endpoint.complete({ ...request, ...what }, new AbortController().signal);
}

Deno.test("openai sends temperature, top_p and max_tokens explicitly, once, with the key of the environment", async () => {
  await using server = mockServer();
  const endpoint = openaiEndpoint(optionsFor(server.base), { env });
  const answer = await endpoint.complete(
    { ...request, seed: 3, stop: ["END"], extra: { top_k: 5 } },
    new AbortController().signal,
  );
  assertEquals(answer, {
    outcome: "stop",
    text: "An answer to: hello",
    promptTokens: 100,
    completionTokens: 50,
  });
  const [{ body, authorization }] = server.log as [typeof server.log[0]];
  assertEquals(body as Record<string, unknown>, {
    model: "m",
    messages: [{ role: "user", content: "hello" }],
    temperature: 0.1,
    top_p: 0.9,
    max_tokens: 64,
    seed: 3,
    stop: ["END"],
    top_k: 5,
  });
  assertEquals(authorization, `Bearer ${SECRET}`);
  assertEquals(server.log.length, 1);
});

Deno.test("openai asks for a JSON schema and calls the limit as told", async () => {
  await using server = mockServer();
  const endpoint = openaiEndpoint(
    optionsFor(server.base, { structured: true, max_tokens_field: "max_completion_tokens" }),
    { env },
  );
  assertEquals(endpoint.structured, true);
  await endpoint.complete({ ...request, schema: { type: "object" } }, new AbortController().signal);
  const { body } = server.log[0]!;
  assertEquals(body["response_format"], {
    type: "json_schema",
    json_schema: { name: "answer", strict: true, schema: { type: "object" } },
  });
  assertEquals([body["max_tokens"], body["max_completion_tokens"]], [undefined, 64]);
});

Deno.test("openai: an answer cut at the limit is `length`, an empty one is an answer", async () => {
  assertEquals((await ask(() => completionResponse("half", "length"))).outcome, "length");
  assertEquals(await ask(() => completionResponse("")), {
    outcome: "stop",
    text: "",
    promptTokens: 100,
    completionTokens: 50,
  });
  assertEquals((await ask(() => completionResponse(null))).text, "");
});

const error = (status: number, message: string, more: Record<string, unknown> = {}, headers = {}) => () =>
  Response.json({ error: { message, type: "x", param: null, code: null, ...more } }, { status, headers });

const failures: [
  name: string,
  respond: MockOptions["respond"],
  kind: string,
  retryable: boolean,
  text: string,
][] = [
  ["401", error(401, "Incorrect API key provided"), "auth", false, "OPENAI_API_KEY"],
  ["404", error(404, "The model `m` does not exist"), "not_found", false, "args.name"],
  ["429", error(429, "slow down"), "rate_limit", true, "slow down"],
  ["429 without quota", error(429, "pay", { code: "insufficient_quota" }), "quota", false, "pay"],
  ["500", error(500, "oops"), "server", true, "oops"],
  ["503 in HTML", () => new Response("<html>busy</html>", { status: 503 }), "server", true, "503"],
  ["400", error(400, "bad field"), "bad_request", false, "bad field"],
  [
    "HTML instead of JSON",
    () => new Response("<!doctype html><p>Welcome", { headers: { "content-type": "text/html" } }),
    "malformed",
    true,
    "HTML",
  ],
  [
    "malformed JSON",
    () => new Response('{"choices": [', { headers: { "content-type": "application/json" } }),
    "malformed",
    true,
    "JSON",
  ],
  [
    "an empty body",
    () => new Response("", { headers: { "content-type": "application/json" } }),
    "malformed",
    true,
    "empty",
  ],
  ["JSON without choices", () => Response.json({ ok: true }), "malformed", true, "no choices"],
  ["JSON that is null", () => Response.json(null), "malformed", true, "no choices"],
  [
    "content that isn't text",
    () => Response.json({ choices: [{ message: { content: [1] } }] }),
    "malformed",
    true,
    "isn't text",
  ],
  ["40 MB", () => completionResponse("x".repeat(40 << 20)), "too_large", false, "max_bytes"],
];
for (const [name, respond, kind, retryable, text] of failures) {
  Deno.test(`openai: ${name} is the outcome ${kind}, and the client doesn't repeat it`, async () => {
    let asked = 0;
    const answer = await ask((r) => (asked++, respond!(r)));
    assertEquals([answer.outcome, answer.failure?.kind, answer.failure?.retryable], [
      "error",
      kind,
      retryable,
    ], answer.error);
    assertStringIncludes(answer.error!, text);
    assertEquals([asked, answer.text], [1, ""]);
  });
}

const contexts: [string, number, string, Record<string, unknown>][] = [
  ["OpenAI", 400, "too long", { code: "context_length_exceeded" }],
  ["vLLM", 400, "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens", {}],
  ["llama.cpp", 400, "the request exceeds the available context size", { type: "exceed_context_size_error" }],
];
for (const [name, status, message, more] of contexts) {
  Deno.test(`openai: ${name}'s context-length error is an outcome of its own`, async () => {
    const answer = await ask(error(status, message, more));
    assertEquals([answer.outcome, answer.failure], ["context_length", undefined]);
    assertStringIncludes(answer.error!, message);
  });
}

Deno.test("openai: a refused connection says where nothing listens", async () => {
  const base = `http://127.0.0.1:${unusedPort()}/v1`;
  const endpoint = openaiEndpoint(optionsFor(base), { env });
  const answer = await endpoint.complete(request, new AbortController().signal);
  assertEquals(answer.failure?.kind, "refused", answer.error);
  assertStringIncludes(answer.error!, base);
});

Deno.test("openai: no answer in time is a timeout; a connection that breaks off in the body is named so", async () => {
  const late = await ask(async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    return undefined;
  }, { timeout: 0.1 });
  assertEquals(late.failure?.kind, "timeout", late.error);

  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    const socket = await listener.accept();
    await socket.read(new Uint8Array(65536));
    await socket.write(
      new TextEncoder().encode(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"id":',
      ),
    );
    socket.close();
  })();
  const endpoint = openaiEndpoint(optionsFor(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/v1`), {
    env,
  });
  const broken = await endpoint.complete(request, new AbortController().signal);
  await serving;
  listener.close();
  assertEquals([broken.outcome, broken.failure?.kind, broken.failure?.retryable], [
    "error",
    "connection",
    true,
  ], broken.error);
});

const chunk = (delta: unknown, finish: string | null = null) =>
  `data: ${
    JSON.stringify({
      id: "c",
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish }],
    })
  }\n\n`;
const stream = (...parts: string[]) => () =>
  new Response(parts.join(""), { headers: { "content-type": "text/event-stream" } });

Deno.test("openai: comments and bytes that drip don't keep a stream open", async () => {
  for (
    const [type, text] of [["text/event-stream", ": wait\n\n"], ["application/json", " "], [
      "text/event-stream",
      "data: ",
    ]]
  ) {
    let timer: ReturnType<typeof setInterval> | undefined;
    const body = new ReadableStream({
      start(to) {
        timer = setInterval(() => to.enqueue(new TextEncoder().encode(text)), 20);
      },
      cancel: () => clearInterval(timer),
    });
    const reply = () => new Response(body, { headers: { "content-type": type! } });
    const { failure, error } = await ask(reply, { stream: true, timeout: 0.4 });
    assertEquals(failure?.kind, "timeout", error);
  }
});

Deno.test("openai: streamed pieces are put together; one that stops, or isn't JSON, is a failure", async () => {
  const usage = `data: ${
    JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } })
  }\n\n`;
  const whole = await ask(
    stream(chunk({ content: "Hel" }), chunk({ content: "lo" }), chunk({}, "stop"), usage, "data: [DONE]\n\n"),
    { stream: true },
  );
  assertEquals(whole, { outcome: "stop", text: "Hello", promptTokens: 7, completionTokens: 2 });
  const cut = await ask(stream(chunk({ content: "Hel" })), { stream: true });
  assertEquals([cut.failure?.kind, cut.failure?.retryable, cut.text], ["stopped", true, ""], cut.error);
  const broken = await ask(stream("data: {not json}\n\n"), { stream: true });
  assertEquals(broken.failure?.kind, "malformed", broken.error);
  const long = await ask(stream(chunk({ content: "x".repeat(5000) }), chunk({}, "stop")), {
    stream: true,
    max_bytes: 2048,
  });
  assertEquals(long.failure?.kind, "too_large", long.error);
});

Deno.test("openai: a stream that goes silent is given up", async () => {
  const silent = (timeout: number) =>
    ask(() => {
      let timer: ReturnType<typeof setTimeout>;
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(chunk({ content: "a" })));
          timer = setTimeout(() => controller.close(), 60_000);
        },
        cancel: () => clearTimeout(timer),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }, { stream: true, timeout });
  let answer = await silent(0.3);
  // a busy machine may take longer to the first piece
  for (const longer of [2, 20]) if (answer.error?.startsWith("no answer")) answer = await silent(longer);
  assertEquals(answer.failure?.kind, "timeout", answer.error);
  assertMatch(answer.error ?? "", /the stream stopped for [\d.]+ s \(args\.timeout\)/);
});

Deno.test("openai: a server that repeats the key doesn't get it into messages", async () => {
  const answer = await ask(error(401, `Incorrect API key provided: ${SECRET}.`));
  assert(!JSON.stringify(answer).includes(SECRET));
  assertStringIncludes(answer.error!, "[key]");
});

Deno.test("openai: a missing key and a wrong address are reported before any request, a key in the address isn't shown", () => {
  const noEnv = () => undefined;
  assertThrows(
    () => openaiEndpoint({ ...optionsFor("x"), api_base: "https://api.openai.com/v1" }, { env: noEnv }),
    RangeError,
    "OPENAI_API_KEY",
  );
  assertThrows(
    () => openaiEndpoint(optionsFor("http://localhost:1/v1", { key: "required" }), { env: noEnv }),
    RangeError,
    "a key is needed",
  );
  assertThrows(() => openaiEndpoint(optionsFor("not an address"), { env }), RangeError, "such as http://");
  assertThrows(() => openaiEndpoint(optionsFor("file:///etc/passwd"), { env }), RangeError, "http address");
  for (const base of ["http://me:hunter2@host/v1", "http://host/v1?api-key=hunter2"]) {
    const thrown = assertThrows(
      () => openaiEndpoint(optionsFor(base), { env }),
      RangeError,
      "bare address",
    ) as Error;
    assert(!thrown.message.includes("hunter2"));
  }
  assertThrows(() => openaiPlugin.options.parse({ name: "m", api_key_env: "sk-12-34" }), Error, "not a key");
});

Deno.test("endpointOf() knows the released types; keys in files are refused unseen", () => {
  const none = () => undefined;
  assertEquals(
    endpointOf({
      type: "vllm",
      args: { name: "q", model_path: "/m", api_key: "EMPTY", tensor_parallel_size: 1 },
    }, none),
    {
      type: "openai",
      args: { api_base: "http://localhost:8000/v1", api_key_env: "VLLM_API_KEY", name: "q", key: "none" },
    },
  );
  assertEquals(
    endpointOf(
      { type: "alibaba-remote-llm", args: { name: "gpt-4o" } },
      (n) => n === "OPENAI_API_BASE" ? "http://a/v1" : undefined,
    ),
    { type: "openai", args: { key: "required", api_base: "http://a/v1", name: "gpt-4o" } },
  );
  assertEquals(
    endpointOf({ type: "OpenAI", args: { api_name: "m", api_url: "http://a/v1", api_key: "$MY_KEY" } }, none),
    {
      type: "openai",
      args: { name: "m", api_base: "http://a/v1", api_key_env: "MY_KEY" },
    },
  );
  assertEquals(endpointOf({ type: "chatgpt35", args: {} }, none).args["name"], "gpt-3.5-turbo");
  assertThrows(
    () => endpointOf({ type: "remote-llm", args: { name: "m" } }, none),
    RangeError,
    "OPENAI_API_BASE",
  );
  const thrown = assertThrows(
    () => endpointOf({ type: "OpenAI", args: { api_name: "m", api_key: SECRET } }, none),
    RangeError,
    "environment",
  ) as Error;
  assert(!thrown.message.includes(SECRET));
  assertEquals(endpointOf({ type: "local", args: { a: 1 } }, none), { type: "local", args: { a: 1 } });
});
