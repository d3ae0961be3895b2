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
  ["TGI, of the prompt alone", 422, {
    error: "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    error_type: "validation",
  }],
  ["Bedrock", 400, error("Input is too long for requested model.")],
  ["xAI", 400, {
    code: "Client specified an invalid argument",
    error: "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
  }],
  ["SGLang, of the prompt alone", 400, {
    object: "error",
    message: "The input (3000 tokens) is longer than the model's context length (2048 tokens).",
  }],
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

const spent: [name: string, status: number, body: unknown][] = [
  ["OpenAI", 429, error("You exceeded your current quota.", { code: "insufficient_quota" })],
  ["OpenAI, billing", 429, error("Your account is not active.", { code: "billing_not_active" })],
  ["Perplexity", 401, error("You exceeded your current quota.", { type: "insufficient_quota", code: 401 })],
  [
    "Moonshot",
    429,
    error("Your account o is suspended, please check your plan and billing details", {
      type: "exceeded_current_quota_error",
    }),
  ],
  [
    "LiteLLM",
    400,
    error("Budget has been exceeded! Current cost: 12, Max budget: 10", {
      type: "budget_exceeded",
      code: "400",
    }),
  ],
  [
    "Anthropic",
    400,
    error("Your credit balance is too low to access the Anthropic API.", {
      type: "invalid_request_error",
    }),
  ],
  ["Zhipu", 429, error("余额不足或无可用资源包,请充值。", { code: "1113" })],
  ["DashScope", 400, error("Please make sure your account is in good standing.", { code: "Arrearage" })],
  ["SiliconFlow", 403, { code: 30001, message: "Sorry, your account balance is insufficient", data: null }],
  ["xAI", 429, { error: "Your team has either used all available credits or reached its spending limit." }],
  ["DeepSeek", 402, error("Insufficient Balance")],
  ["OpenAI, within a reply", 200, error("You exceeded your current quota.", { code: "insufficient_quota" })],
  ["MiniMax, within a reply", 200, { base_resp: { status_code: 1008, status_msg: "insufficient balance" } }],
  ["a gateway, by its code", 500, error("upstream failed", { code: "insufficient_quota" })],
];
for (const [name, status, body] of spent) {
  Deno.test(`openai: an account of ${name} that has nothing left ends the run`, async () => {
    const { failure, error } = await ask(status, body);
    assertEquals([failure?.kind, failure?.fatal, failure?.retryable], ["quota", true, false], error);
  });
}

Deno.test("openai: MiniMax's codes are what its table says of them", async () => {
  // https://platform.minimax.io/docs/api-reference/errorcode
  const said: [code: number, words: string, kind: string | undefined][] = [
    [1000, "unknown error", "server"],
    [1001, "request timeout", "timeout"],
    [1002, "rate limit", "rate_limit"],
    [1004, "login fail: Please carry the API secret key in the 'Authorization' field", "auth"],
    [1008, "insufficient balance", "quota"],
    [1024, "internal error", "server"],
    [1026, "input new_sensitive", undefined],
    [1027, "output new_sensitive", undefined],
    [1033, "system error", "server"],
    [1039, "token limit", "rate_limit"],
    [1041, "conn limit", "rate_limit"],
    [1042, "invisible character ratio limit", "bad_request"],
    [2013, "invalid params", "bad_request"],
    [2045, "rate growth limit", "rate_limit"],
    [2049, "invalid api key", "auth"],
    [2056, "usage limit exceeded", "quota"],
  ];
  for (const [status_code, status_msg, kind] of said) {
    const { failure, outcome, error } = await ask(200, {
      choices: null,
      base_resp: { status_code, status_msg },
    });
    assertEquals(failure?.kind, kind, `${status_code}: ${error}`);
    if (kind === undefined) assertEquals(outcome, "content_filter", `${status_code}`);
    else assertStringIncludes(error ?? "", `${status_msg} (${status_code})`);
  }
  const { error } = await ask(200, { choices: null, base_resp: { status_code: 1002 } });
  assertStringIncludes(error ?? "", "an error without words (1002)");
});

Deno.test("openai: a quota of a minute is waited for, and a person's words about money are no error of an account", async () => {
  const gemini = [{
    error: {
      code: 429,
      message: "You exceeded your current quota, please check your plan and billing details.",
      status: "RESOURCE_EXHAUSTED",
      details: [{ retryDelay: "37s" }],
    },
  }];
  const { failure } = await ask(429, gemini);
  assertEquals([failure?.kind, failure?.retryAfterMs], ["rate_limit", 37_000]);
  const echoed = { detail: [{ msg: "x".repeat(400), input: "insufficient balance on my account" }] };
  assertEquals((await ask(400, echoed)).failure?.kind, "bad_request");
});

Deno.test("openai: what fails while a server answers is asked again whatever its status; a model that is gone isn't", async () => {
  const passing: [number, unknown][] = [
    [424, { error: "Request failed during generation: out of memory", error_type: "generation" }],
    [498, error("Flex capacity exceeded")],
    [499, error("client closed request")],
    [529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
  ];
  for (const [status, body] of passing) {
    const { failure } = await ask(status, body);
    assertEquals([failure?.kind, failure?.retryable], ["server", true], `${status}`);
  }
  const gone = await ask(410, error("This deployment was retired"));
  assertEquals([gone.failure?.kind, gone.failure?.fatal], ["not_found", true]);
});

Deno.test("openai: an error in a reply with a good status is what its code says", async () => {
  assertEquals((await ask(200, error("overloaded", { code: 502 }))).failure?.kind, "server");
  assertEquals((await ask(200, error("slow down", { code: 429 }))).failure?.kind, "rate_limit");
  assertEquals((await ask(200, error("no key", { code: 401 }))).failure?.kind, "auth");
  assertEquals((await ask(200, { error: "overloaded" })).failure?.kind, "server");
  assertEquals((await ask(200, error("held back", { code: "content_filter" }))).outcome, "content_filter");
  assertEquals((await ask(500, error("insufficient balance of memory"))).failure?.kind, "server");
});

Deno.test("openai: the client asks once however long Retry-After is, and hands it on", async () => {
  for (const status of [429, 503]) {
    for (const seconds of [1, 61, 600]) {
      const answer = await ask(status, error("slow down"), { headers: { "retry-after": String(seconds) } });
      assertEquals([answer.asked, answer.failure?.retryAfterMs], [1, seconds * 1000]);
    }
  }
});
