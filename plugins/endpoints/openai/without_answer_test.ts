/** Words of servers that decide between an outcome of one item, and an error that every item meets. */
import { assertEquals, assertStringIncludes } from "@std/assert";

import { mockServer } from "../../../tasks/bench/eval/mock_server.ts";
import type { Completion } from "../../kinds/endpoint.ts";
import openaiPlugin, { openaiEndpoint } from "../openai.ts";
import { isNoModel } from "./without_answer.ts";

async function told(status: number, body: unknown, stream = false): Promise<Completion> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  await using server = mockServer({ respond: () => new Response(text, { status }) });
  const endpoint = openaiEndpoint(
    openaiPlugin.options.parse({ name: "m", api_base: server.base, key: "none", stream }),
  );
  const request = {
    messages: [{ role: "user" as const, content: "hi" }],
    temperature: 0,
    top_p: 1,
    max_tokens: 2048,
  };
  return await endpoint.complete(request, new AbortController().signal);
}
const error = (message: string, more: Record<string, unknown> = {}) => ({ error: { message, ...more } });

const absent: [server: string, status: number, body: unknown][] = [
  ["LM Studio", 400, error('Model "x" not found. Please specify a valid model', { code: "model_not_found" })],
  ["LM Studio without a model", 400, {
    error: "No models loaded. Please load a model in the developer page",
  }],
  ["OpenRouter", 400, error("x is not a valid model ID", { code: 400 })],
  ["Groq", 400, error("The model `x` has been decommissioned", { code: "model_decommissioned" })],
  ["Mistral", 400, { object: "error", message: "Invalid model: x", type: "invalid_model", code: "1500" }],
  ["DeepSeek", 400, error("Model Not Exist", { type: "invalid_request_error" })],
  ["LiteLLM", 400, error("/chat/completions: Invalid model name passed in model=x", { code: "400" })],
  [
    "OpenAI, of a model for others",
    403,
    error("Project p has no access to model x", { code: "model_not_found" }),
  ],
];
for (const [server, status, body] of absent) {
  Deno.test(`openai: a model that ${server} doesn't have stops the run at the first request`, async () => {
    const { failure, error } = await told(status, body);
    assertEquals([failure?.kind, failure?.fatal], ["not_found", true], error);
    assertStringIncludes(error!, "check args.name");
  });
}

Deno.test("isNoModel(): what a request says of models is no word of the server", () => {
  assertEquals(isNoModel("maximum context length of this model is 5; the tool was not found by you"), false);
  const echoed = { detail: [{ type: "string_type", input: "the model does not exist" }] };
  assertEquals(isNoModel(JSON.stringify(echoed)), false);
  assertEquals(isNoModel("temperature must be non-negative"), false);
});

const limits: [version: string, said: (limit: number, context: number, input: number) => string][] = [
  [
    "up to 0.10",
    (limit, context, input) =>
      `This model's maximum context length is ${context} tokens. However, you requested ${
        limit + input
      } tokens ` +
      `(${input} in the messages, ${limit} in the completion). Please reduce the length of the messages or completion.`,
  ],
  [
    "0.11",
    (limit, context, input) =>
      `'max_tokens' or 'max_completion_tokens' is too large: ${limit}. This model's maximum context length is ${context} ` +
      `tokens and your request has ${input} input tokens (${limit} > ${context} - ${input}).`,
  ],
  [
    "0.16",
    (limit, context, input) =>
      `You passed ${input} input tokens and requested ${limit} output tokens. However, the model's context length is only ` +
      `${context} tokens, resulting in a maximum input length of ${context - limit} tokens.`,
  ],
  [
    "later",
    (limit, context, input) =>
      `This model's maximum context length is ${context} tokens. However, you requested ${limit} output tokens and your ` +
      `prompt contains at least ${input} input tokens, for a total of at least ${limit + input} tokens.`,
  ],
];
for (const [version, said] of limits) {
  Deno.test(`openai: a max_tokens that doesn't fit beside the prompt is an item's outcome, one beyond the context a setting (vLLM ${version})`, async () => {
    for (const more of [{}, { param: "max_tokens" }]) {
      const item = await told(400, error(said(2048, 32768, 31000), more));
      assertEquals(item.outcome, "context_length", item.error);
      const whole = await told(400, error(said(4096, 2048, 30), more));
      assertEquals([whole.outcome, whole.failure?.kind], ["error", "bad_request"]);
      assertStringIncludes(whole.error!, "lower run_args.max_tokens");
    }
  });
}

Deno.test("openai: an error inside of a choice is no answer, whatever came before it", async () => {
  const choice = (finish_reason: string | null, fault: unknown) => ({
    choices: [{ index: 0, message: { content: "The first half" }, finish_reason, error: fault }],
  });
  for (const finish of [null, "stop", "error"]) {
    const { failure, text, error } = await told(
      200,
      choice(finish, { code: 502, message: "Provider went away" }),
    );
    assertEquals([failure?.kind, text], ["server", ""]);
    assertStringIncludes(error!, "Provider went away");
  }
  const limited = await told(200, choice(null, { code: 429, message: "Please retry in 2s." }));
  assertEquals([limited.failure?.kind, limited.failure?.retryAfterMs], ["rate_limit", 2000]);
  const events = [
    { choices: [{ index: 0, delta: { content: "The first half" } }] },
    {
      choices: [{
        index: 0,
        delta: {},
        finish_reason: "error",
        error: { code: 502, message: "Provider went away" },
      }],
    },
  ].map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join("");
  const streamed = await told(200, `${events}data: [DONE]\n\n`, true);
  assertEquals([streamed.failure?.kind, streamed.text], ["server", ""]);
  assertStringIncludes(streamed.error!, "Provider went away");
  assertEquals((await told(200, choice("stop", null))).text, "The first half");
});

Deno.test("openai: errors in a list, and pages of HTML, are told in a line", async () => {
  const listed = await told(200, [error("The model is overloaded.", { code: 503, status: "UNAVAILABLE" })]);
  assertEquals(listed.failure?.kind, "server", listed.error);
  assertStringIncludes(listed.error!, "the reply says: The model is overloaded");
  const page =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502</h1></body>\r\n</html>";
  const { error: said, failure } = await told(502, page);
  assertEquals(failure?.kind, "server");
  assertEquals(said!.slice(said!.indexOf("/v1: ")), '/v1: 502 a page of HTML, "502 Bad Gateway"');
  assertStringIncludes((await told(413, "<h1>Too\n large</h1>")).error!, '413 a page of HTML, "Too large"');
});
