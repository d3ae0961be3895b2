/** What the endpoint sends, and what it makes of plain replies and of its own settings. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { completionResponse, mockServer } from "../../tasks/bench/eval/mock_server.ts";
import { openaiEndpoint } from "./openai.ts";
import openaiPlugin from "./openai.ts";
import { endpointOf } from "./released_names.ts";
import {
  askOnce,
  endpointOptions,
  errorReply,
  HELLO,
  SECRET_KEY,
  secretEnvironment,
} from "./_openai_requests.ts";

Deno.test("openai sends temperature, top_p and max_tokens explicitly, once, with the key of the environment", async () => {
  await using server = mockServer();
  const endpoint = openaiEndpoint(endpointOptions(server.base), { env: secretEnvironment });
  const answer = await endpoint.complete(
    { ...HELLO, seed: 3, stop: ["END"], extra: { top_k: 5 } },
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
  assertEquals(authorization, `Bearer ${SECRET_KEY}`);
  assertEquals(server.log.length, 1);
});

Deno.test("openai asks for a JSON schema and calls the limit as told", async () => {
  await using server = mockServer();
  const endpoint = openaiEndpoint(
    endpointOptions(server.base, { structured: true, max_tokens_field: "max_completion_tokens" }),
    { env: secretEnvironment },
  );
  assertEquals(endpoint.structured, true);
  await endpoint.complete({ ...HELLO, schema: { type: "object" } }, new AbortController().signal);
  const { body } = server.log[0]!;
  assertEquals(body["response_format"], {
    type: "json_schema",
    json_schema: { name: "answer", strict: true, schema: { type: "object" } },
  });
  assertEquals([body["max_tokens"], body["max_completion_tokens"]], [undefined, 64]);
});

Deno.test("openai: an answer cut at the limit is `length`, an empty one is an answer", async () => {
  assertEquals((await askOnce(() => completionResponse("half", "length"))).outcome, "length");
  assertEquals(await askOnce(() => completionResponse("")), {
    outcome: "stop",
    text: "",
    promptTokens: 100,
    completionTokens: 50,
  });
  assertEquals((await askOnce(() => completionResponse(null))).text, "");
});

Deno.test("openai: a server that repeats the key doesn't get it into messages", async () => {
  const answer = await askOnce(errorReply(401, `Incorrect API key provided: ${SECRET_KEY}.`));
  assert(!JSON.stringify(answer).includes(SECRET_KEY));
  assertStringIncludes(answer.error!, "[key]");
});

Deno.test("openai: a missing key and a wrong address are reported before any request, a key in the address isn't shown", () => {
  const noEnv = () => undefined;
  assertThrows(
    () => openaiEndpoint({ ...endpointOptions("x"), api_base: "https://api.openai.com/v1" }, { env: noEnv }),
    RangeError,
    "OPENAI_API_KEY",
  );
  assertThrows(
    () => openaiEndpoint(endpointOptions("http://localhost:1/v1", { key: "required" }), { env: noEnv }),
    RangeError,
    "a key is needed",
  );
  assertThrows(
    () => openaiEndpoint(endpointOptions("not an address"), { env: secretEnvironment }),
    RangeError,
    "such as http://",
  );
  assertThrows(
    () => openaiEndpoint(endpointOptions("file:///etc/passwd"), { env: secretEnvironment }),
    RangeError,
    "http address",
  );
  for (const base of ["http://me:hunter2@host/v1", "http://host/v1?api-key=hunter2"]) {
    const thrown = assertThrows(
      () => openaiEndpoint(endpointOptions(base), { env: secretEnvironment }),
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
    () => endpointOf({ type: "OpenAI", args: { api_name: "m", api_key: SECRET_KEY } }, none),
    RangeError,
    "environment",
  ) as Error;
  assert(!thrown.message.includes(SECRET_KEY));
  assertEquals(endpointOf({ type: "local", args: { a: 1 } }, none), { type: "local", args: { a: 1 } });
});
