/** Errors of servers by status: the outcome, and the key that the message names. */
import { assertEquals, assertStringIncludes } from "@std/assert";

import { mockServer } from "../../../tasks/bench/eval/mock_server.ts";
import type { Completion, CompletionRequest } from "../../kinds/endpoint.ts";
import openaiPlugin, { openaiEndpoint } from "../openai.ts";

async function ask(
  status: number,
  body: unknown,
  { options, request, headers }: {
    options?: Record<string, unknown>;
    request?: Partial<CompletionRequest>;
    headers?: HeadersInit;
  } = {},
): Promise<Completion & { asked: number }> {
  await using server = mockServer({
    respond: () =>
      new Response(JSON.stringify(body), {
        status,
        headers: { "content-type": "application/json", ...headers },
      }),
  });
  const endpoint = openaiEndpoint(
    openaiPlugin.options.parse({ name: "m", api_base: server.base, key: "none", ...options }),
  );
  const completion = await endpoint.complete({
    messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "hello" }],
    temperature: 0,
    top_p: 1,
    max_tokens: 64,
    ...request,
  }, new AbortController().signal);
  return { ...completion, asked: server.log.length };
}
const error = (message: string, more: Record<string, unknown> = {}) => ({ error: { message, ...more } });

const policies: [name: string, status: number, body: unknown][] = [
  [
    "Azure",
    400,
    error("The response was filtered due to the prompt triggering content management policy.", {
      code: "content_filter",
    }),
  ],
  [
    "OpenAI",
    400,
    error("Your request was rejected as a result of our safety system.", {
      code: "content_policy_violation",
    }),
  ],
  [
    "OpenAI, usage policy",
    400,
    error("Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
  ],
  [
    "DashScope",
    400,
    error("Input data may contain inappropriate content.", { code: "data_inspection_failed" }),
  ],
  ["OpenRouter", 403, error("m requires moderation on Provider. Your input was flagged for violence.")],
  ["DeepSeek", 400, error("Content Exists Risk", { type: "invalid_request_error" })],
  ["Gemini", 400, error("Request blocked: PROHIBITED_CONTENT", { status: "INVALID_ARGUMENT" })],
  ["Moonshot", 400, error("The request was rejected because it was considered high risk")],
  ["Zhipu", 400, error("系统检测到输入或生成内容可能包含不安全或敏感内容", { code: "1301" })],
  ["a content filter of Claude's", 400, error("Output blocked by content filtering policy")],
  [
    "MiniMax",
    200,
    { choices: null, base_resp: { status_code: 1026, status_msg: "input new_sensitive" } },
  ],
  ["a reply with a good status", 200, error("Blocked by content filter", { code: 400 })],
];
for (const [name, status, body] of policies) {
  for (const stream of [false, true]) {
    Deno.test(`openai: ${name}: held back by a policy is an outcome, not asked again${stream ? ", streamed" : ""}`, async () => {
      const { outcome, text, failure, asked } = await ask(status, body, { options: { stream } });
      assertEquals([outcome, text, failure, asked], ["content_filter", "", undefined, 1]);
    });
  }
}

Deno.test("openai: a country or a key that isn't served is no policy", async () => {
  const body = error("Country, region, or territory not supported", {
    code: "unsupported_country_region_territory",
  });
  assertEquals((await ask(403, body)).failure?.kind, "auth");
});

const EXTRA = { extra: { top_k: 5, reasoning_effort: "high" }, seed: 3, stop: ["END"] };
const hints: [name: string, status: number, body: unknown, kind: string, said: string][] = [
  [
    "max_tokens",
    400,
    error(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      {
        param: "max_tokens",
        code: "unsupported_parameter",
      },
    ),
    "settings",
    "args.max_tokens_field: max_completion_tokens",
  ],
  [
    "temperature",
    400,
    error("Unsupported value: 'temperature' does not support 0 with this model.", { param: "temperature" }),
    "settings",
    "run_args.temperature: null",
  ],
  [
    "a temperature of 0",
    422,
    error("Input validation error: `temperature` must be strictly positive"),
    "settings",
    "run_args.temperature: null",
  ],
  [
    "temperature and top_p",
    400,
    error("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
    "settings",
    "run_args.top_p: null",
  ],
  ["top_p", 400, error("top_p is deprecated for this model"), "settings", "run_args.top_p: null"],
  [
    "a field",
    400,
    error("Unrecognized request argument supplied: top_k"),
    "settings",
    "leave out run_args.top_k",
  ],
  [
    "seed",
    422,
    { detail: [{ loc: ["body", "seed"], msg: "Extra inputs are not permitted" }] },
    "settings",
    "leave out run_args.seed",
  ],
  [
    "reasoning_effort",
    400,
    error("Unknown field", { param: "reasoning_effort" }),
    "settings",
    "leave out run_args.reasoning_effort",
  ],
  ["the system role", 400, error("System role not supported"), "bad_request", "args.system: merge"],
  [
    "roles",
    400,
    error("Conversation roles must alternate user/assistant/user/assistant/..."),
    "bad_request",
    "args.system: merge",
  ],
  [
    "an instruction",
    400,
    error("Developer instruction is not enabled for models/gemma-3"),
    "bad_request",
    "args.system: merge",
  ],
  [
    "the system role, by a chat template",
    500,
    error("Value is not callable: null at row 1, column 72 : System role not supported"),
    "bad_request",
    "args.system: merge",
  ],
];
for (const [name, status, body, kind, said] of hints) {
  Deno.test(`openai: a refusal of ${name} names the key that helps`, async () => {
    const answer = await ask(status, body, { request: EXTRA });
    assertEquals(
      [answer.outcome, answer.failure?.kind, answer.failure?.retryable],
      ["error", kind, false],
      answer.error,
    );
    assertStringIncludes(answer.error!, said);
  });
}

Deno.test("openai: hints name only what was sent", async () => {
  const stream = await ask(400, error("stream_options is not supported"), { options: { stream: true } });
  assertStringIncludes(stream.error!, "args.stream: false");
  const schema = await ask(400, error("response_format json_schema is unavailable now"), {
    request: { schema: {} },
  });
  assertStringIncludes(schema.error!, "args.structured: false");
  const merged = await ask(400, error("System role not supported"), { options: { system: "merge" } });
  assertEquals([merged.failure?.kind, merged.error!.includes("merge")], ["bad_request", false]);
  const unsent = await ask(400, error("temperature is not supported"), { request: { temperature: null } });
  assertEquals([unsent.failure?.kind, unsent.error!.includes("run_args")], ["bad_request", false]);
  const newer = await ask(400, error("Unrecognized request argument supplied: max_completion_tokens"), {
    options: { max_tokens_field: "max_completion_tokens" },
  });
  assertStringIncludes(newer.error!, "args.max_tokens_field: max_tokens");
  // words of every day in a sentence are no names
  const sentence = await ask(400, error("Invalid request: please stop sending these messages"), {
    request: EXTRA,
  });
  assertEquals([sentence.failure?.kind, sentence.error!.includes("run_args")], ["bad_request", false]);
});

const contexts: [name: string, status: number, body: unknown][] = [
  [
    "TGI",
    422,
    error(
      "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. Given: 52 `inputs` tokens and 64 `max_new_tokens`",
    ),
  ],
  ["ollama", 400, error("input length exceeds maximum context length")],
  ["SGLang", 400, {
    object: "error",
    message:
      "Requested token count exceeds the model's maximum context length of 2048 tokens. You requested a total of 2100 tokens: 2036 tokens from the input messages and 64 tokens for the completion.",
  }],
  ["llama.cpp, as an error of the server", 500, error("the request exceeds the available context size")],
  [
    "a reply with a good status",
    200,
    error("This model's maximum context length is 2048 tokens", { code: 400 }),
  ],
];
for (const [name, status, body] of contexts) {
  Deno.test(`openai: a prompt that is too long for ${name} is an outcome`, async () => {
    assertEquals((await ask(status, body)).outcome, "context_length");
  });
}

Deno.test("openai: an error in a reply with a good status is what its code says", async () => {
  assertEquals((await ask(200, error("overloaded", { code: 502 }))).failure?.kind, "server");
  assertEquals((await ask(200, error("slow down", { code: 429 }))).failure?.kind, "rate_limit");
  assertEquals((await ask(200, error("no key", { code: 401 }))).failure?.kind, "auth");
  assertEquals((await ask(200, { error: "overloaded" })).failure?.kind, "server");
});

Deno.test("openai: the client asks once however long Retry-After is, and hands it on", async () => {
  for (const status of [429, 503]) {
    for (const seconds of [1, 61, 600]) {
      const answer = await ask(status, error("slow down"), { headers: { "retry-after": String(seconds) } });
      assertEquals([answer.asked, answer.failure?.retryAfterMs], [1, seconds * 1000]);
    }
  }
});
