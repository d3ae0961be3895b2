/** Replies that are failures, by their status, and connections that break. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { completionResponse, type MockOptions } from "../../tasks/bench/eval/mock_server.ts";
import { unusedPort } from "../../tests/helpers/unused_port.ts";
import { openaiEndpoint } from "./openai.ts";
import { askOnce, endpointOptions, errorReply, HELLO, secretEnvironment } from "./_openai_requests.ts";

const failures: [
  name: string,
  respond: MockOptions["respond"],
  kind: string,
  retryable: boolean,
  text: string,
][] = [
  ["401", errorReply(401, "Incorrect API key provided"), "auth", false, "OPENAI_API_KEY"],
  ["404", errorReply(404, "The model `m` does not exist"), "not_found", false, "args.name"],
  ["429", errorReply(429, "slow down"), "rate_limit", true, "slow down"],
  ["429 without quota", errorReply(429, "pay", { code: "insufficient_quota" }), "quota", false, "pay"],
  ["500", errorReply(500, "oops"), "server", true, "oops"],
  ["503 in HTML", () => new Response("<html>busy</html>", { status: 503 }), "server", true, "503"],
  ["400", errorReply(400, "bad field"), "bad_request", false, "bad field"],
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
    const answer = await askOnce((r) => (asked++, respond!(r)));
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
    const answer = await askOnce(errorReply(status, message, more));
    assertEquals([answer.outcome, answer.failure], ["context_length", undefined]);
    assertStringIncludes(answer.error!, message);
  });
}

Deno.test("openai: a refused connection says where nothing listens", async () => {
  const base = `http://127.0.0.1:${unusedPort()}/v1`;
  const endpoint = openaiEndpoint(endpointOptions(base), { env: secretEnvironment });
  const answer = await endpoint.complete(HELLO, new AbortController().signal);
  assertEquals(answer.failure?.kind, "refused", answer.error);
  assertStringIncludes(answer.error!, base);
});

Deno.test("openai: no answer in time is a timeout; a connection that breaks off in the body is named so", async () => {
  const late = await askOnce(async () => {
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
  const endpoint = openaiEndpoint(
    endpointOptions(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/v1`),
    {
      env: secretEnvironment,
    },
  );
  const broken = await endpoint.complete(HELLO, new AbortController().signal);
  await serving;
  listener.close();
  assertEquals([broken.outcome, broken.failure?.kind, broken.failure?.retryable], [
    "error",
    "connection",
    true,
  ], broken.error);
});
