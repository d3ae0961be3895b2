/** Every field of OpenAI's own client, and of Anthropic's: it changes the answer, is refused by name, or the reply tells that it was of no use. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { MessageFields, NAMED_IN_MESSAGES } from "../anthropic/fields.ts";
import { ApiError, toApiError } from "../api_error.ts";
import { tierOf, unusedFields } from "./apart_fields.ts";
import { callMask } from "../grammar/grammar.ts";
import { answerMask } from "../grammar/structured.ts";
import { hasThinkingSwitch, thinkingOf } from "./thinking.ts";
import { ChatFields, readFields, TextFields } from "./fields.ts";
import { InputTokenFields } from "../responses/input_tokens.ts";
import { NAMED_IN_RESPONSES, ResponseFields } from "../responses/fields.ts";

/**
 * Fate of a value: `read` by what makes the answer (each has its step in serve_test.ts), `told` in the header, or the words of a
 * refusal.
 */
type Fate = readonly [value: unknown, fate: "read" | "told" | `refused: ${string}`];

/** Required, so that a field which a newer client brings is missed by `deno check`. */
type FatesOf<Params> = { [Name in keyof Required<Params>]: readonly Fate[] };

const tool = { type: "function", function: { name: "f", parameters: {}, strict: true } };

const CHAT: FatesOf<OpenAI.Chat.ChatCompletionCreateParams> = {
  messages: [[[{ role: "user", content: "x" }], "read"], [[], "refused: messages"]],
  model: [["m", "read"]],
  audio: [[{ voice: "alloy", format: "wav" }, "refused: answers are texts"], [null, "read"]],
  frequency_penalty: [[0.5, "read"], [3, "refused: 3"]],
  function_call: [["auto", "refused: use tool_choice"]],
  functions: [[[{ name: "f" }], "refused: use tools"]],
  logit_bias: [[{ "5": -100 }, "read"], [{ five: 1 }, "refused: logit_bias"]],
  logprobs: [[true, "read"]],
  max_completion_tokens: [[5, "read"]],
  max_tokens: [[5, "read"]],
  metadata: [[{ run: "a" }, "told"], [null, "read"]],
  modalities: [[["text"], "read"], [["text", "audio"], "refused: answers are texts"]],
  moderation: [[{ model: "omni" }, "refused: nothing is moderated"]],
  n: [[2, "read"]],
  parallel_tool_calls: [[false, "read"]],
  prediction: [[{ type: "content", content: "x" }, "told"]],
  presence_penalty: [[0.5, "read"]],
  prompt_cache_key: [["a", "told"]],
  prompt_cache_options: [[{ mode: "explicit" }, "told"]],
  prompt_cache_retention: [["24h", "told"]],
  // a value that the model's template hasn't is refused in thinking.ts
  reasoning_effort: [["none", "read"], ["huge", "refused: reasoning_effort"]],
  response_format: [[{ type: "json_object" }, "read"], [{ type: "xml" }, "refused: response_format"]],
  safety_identifier: [["a", "told"]],
  seed: [[1, "read"]],
  service_tier: [["flex", "read"], ["gold", "refused: service_tier"]],
  stop: [["x", "read"]],
  store: [[false, "read"], [true, "refused: nothing is stored"]],
  stream: [[true, "read"]],
  stream_options: [[{ include_usage: true }, "read"], [
    { include_obfuscation: true },
    "refused: aren't padded",
  ]],
  temperature: [[0.5, "read"]],
  tool_choice: [
    [{ type: "function", function: { name: "f" } }, "read"],
    [{ type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } }, 'refused: needs "none"'],
    [{ type: "custom", custom: { name: "f" } }, 'refused: needs "none"'],
  ],
  tools: [[[tool], "read"], [
    [{ type: "custom", custom: { name: "f" } }],
    "refused: only tools of type function",
  ]],
  top_logprobs: [[2, "read"]],
  top_p: [[0.5, "read"]],
  user: [["a", "told"]],
  verbosity: [["medium", "read"], ["low", "refused: no such setting"], ["high", "refused: no such setting"]],
  web_search_options: [[{}, "refused: nothing is searched"]],
};

const TEXT: FatesOf<OpenAI.CompletionCreateParams> = {
  model: [["m", "read"]],
  prompt: [["x", "read"], [null, "refused: prompt"]],
  // best_of above n, suffix, and echo beside logprobs in streams are refused in text.ts
  best_of: [[1, "read"]],
  echo: [[true, "read"]],
  frequency_penalty: [[0.5, "read"]],
  logit_bias: [[{ "5": -100 }, "read"]],
  logprobs: [[2, "read"]],
  max_tokens: [[5, "read"]],
  n: [[2, "read"]],
  presence_penalty: [[0.5, "read"]],
  seed: [[1, "read"]],
  stop: [["x", "read"]],
  stream: [[true, "read"]],
  stream_options: [[{ include_usage: true }, "read"]],
  suffix: [["x", "read"]],
  temperature: [[0.5, "read"]],
  top_p: [[0.5, "read"]],
  user: [["a", "told"]],
};

const RESPONSE: FatesOf<OpenAI.Responses.ResponseCreateParams> = {
  model: [["m", "read"]],
  input: [["x", "read"], [[{ role: "user", content: "x" }], "read"], [[], "refused: input"]],
  instructions: [["x", "read"]],
  access_programs: [[{}, "refused: only functions are called"]],
  background: [[false, "read"], [true, "refused: the answer comes in the reply"]],
  context_management: [[[{ type: "compaction" }], "refused: no conversation is shortened"]],
  conversation: [["conv_1", "refused: aren't kept"], [null, "read"]],
  image: [[{}, "refused: answers are texts"]],
  include: [
    [["message.output_text.logprobs"], "read"],
    [["reasoning.encrypted_content"], "read"], // told in responses/fields.ts
    [["web_search_call.results"], "refused: message.output_text.logprobs"],
  ],
  max_output_tokens: [[5, "read"]],
  max_tool_calls: [[5, "read"]], // told in responses/fields.ts
  metadata: [[{ run: "a" }, "told"], [{ run: { a: 1 } }, "refused: metadata"], [
    [1],
    "refused: texts by name",
  ]],
  moderation: [[{ model: "omni" }, "refused: nothing is moderated"]],
  parallel_tool_calls: [[false, "read"]],
  previous_response_id: [["resp_1", "refused: aren't kept"], [null, "read"]],
  prompt: [[{ id: "pmpt_1" }, "refused: aren't kept"]],
  prompt_cache_key: [["a", "told"]],
  prompt_cache_options: [[{ mode: "explicit" }, "told"]],
  prompt_cache_retention: [["24h", "told"]],
  reasoning: [
    [{ effort: "none", summary: null }, "read"],
    [{ effort: "huge" }, "refused: reasoning.effort"],
    [{ mode: "pro" }, "refused: one way of thinking"],
    [{ context: "all_turns" }, "refused: the chat template"],
  ],
  safety_identifier: [["a", "told"]],
  service_tier: [["flex", "read"], ["gold", "refused: service_tier"]],
  store: [[false, "read"], [true, "refused: nothing is stored"]],
  stream: [[true, "read"]],
  stream_options: [[{ include_obfuscation: false }, "read"], [
    { include_obfuscation: true },
    "refused: aren't padded",
  ]],
  temperature: [[0.5, "read"]],
  text: [
    [{ format: { type: "json_object" }, verbosity: "medium" }, "read"],
    [{ verbosity: "low" }, "refused: no such setting"],
    [{ format: { type: "xml" } }, "refused: text.format"],
  ],
  tool_choice: [[{ type: "function", name: "f" }, "read"], [{ type: "web_search" }, 'refused: needs "none"']],
  tools: [
    [[{ type: "function", name: "f", parameters: null, strict: true }], "read"],
    [[{ type: "custom", name: "f" }], "refused: only tools of type function"],
    [[{ type: "function", name: "f", defer_loading: true }], "refused: all tools are offered"],
  ],
  top_logprobs: [[2, "read"]],
  top_p: [[0.5, "read"]],
  truncation: [["disabled", "read"], ["auto", "refused: no prompt is cut"]],
  user: [["a", "told"], [{ a: 1 }, "refused: user"]],
};

const INPUT_TOKENS: FatesOf<OpenAI.Responses.InputTokenCountParams> = {
  model: [["m", "read"]],
  input: [["x", "read"], [null, "read"], [[], "refused: input"]],
  instructions: [["x", "read"]],
  conversation: [["conv_1", "refused: aren't kept"]],
  parallel_tool_calls: [[false, "read"]],
  personality: [["friendly", "refused: say it in instructions"]],
  previous_response_id: [["resp_1", "refused: aren't kept"], [null, "read"]],
  reasoning: [[{ effort: "none" }, "read"]],
  text: [[{ format: { type: "json_object" }, verbosity: "medium" }, "read"]],
  tool_choice: [["none", "read"], [{ type: "web_search" }, 'refused: needs "none"']],
  tools: [[[{ type: "function", name: "f", parameters: null, strict: true }], "read"]],
  truncation: [["disabled", "read"], ["auto", "refused: no prompt is cut"]],
};

const MESSAGE: FatesOf<Anthropic.MessageCreateParams> & { [name: string]: readonly Fate[] } = {
  // of older clients
  temperature: [[0.5, "read"], ["hot", "refused: temperature"]],
  top_k: [[5, "read"], [0.5, "refused: top_k"]],
  top_p: [[0.5, "read"], [2, "refused: top_p"]],
  model: [["m", "read"]],
  messages: [[[{ role: "user", content: "x" }], "read"], [[], "refused: messages"], [
    "x",
    "refused: messages",
  ]],
  max_tokens: [[5, "read"], [0, "refused: max_tokens"]],
  // these and others that are told of have their step in anthropic/fields.ts
  cache_control: [[{ type: "ephemeral", ttl: "1h" }, "read"], [
    { type: "forever" },
    "refused: cache_control",
  ]],
  diagnostics: [[{ previous_message_id: "msg_1" }, "read"], ["x", "refused: diagnostics"]],
  speed: [["standard", "read"], ["fast", "refused: one way of answering"]],
  container: [["c", "refused: no code is run"], [null, "read"]],
  inference_geo: [["eu", "read"], [5, "refused: inference_geo"]],
  metadata: [[{ user_id: "u" }, "told"], ["u", "refused: metadata"]],
  output_config: [
    [{ effort: "high", format: { type: "json_schema", schema: {} } }, "read"],
    [{ effort: "huge" }, "refused: output_config.effort"],
    [{ format: { type: "xml" } }, "refused: output_config.format"],
  ],
  service_tier: [["standard_only", "read"], ["gold", "refused: service_tier"]],
  stop_sequences: [[["x"], "read"], ["x", "refused: stop_sequences"]],
  stream: [[true, "read"], ["yes", "refused: stream"]],
  system: [["x", "read"], [[{ type: "text", text: "x" }], "read"], [5, "refused: system"]],
  thinking: [
    [{ type: "enabled", budget_tokens: 1024 }, "read"],
    [{ type: "adaptive", display: "omitted" }, "read"],
    [{ type: "enabled" }, "refused: thinking.budget_tokens"],
    [{ type: "on" }, "refused: thinking.type"],
  ],
  tool_choice: [[{ type: "any" }, "read"], [{ type: "tool" }, "refused: tool_choice.name"], [
    "any",
    "refused: tool_choice",
  ]],
  tools: [
    [[{ name: "f", input_schema: { type: "object" }, strict: true }], "read"],
    [[{ type: "bash_20250124", name: "bash" }], "refused: tools of the client's own"],
    [[{ name: "f", input_schema: {}, defer_loading: true }], "refused: all tools are offered"],
  ],
  // headers
  user_profile_id: [],
  workspace_id: [],
};

for (
  const [kind, schema, fates, needed] of [
    ["messages", MessageFields, MESSAGE, { max_tokens: 1, messages: [{ role: "user", content: "x" }] }],
    ["chat.completions", ChatFields, CHAT, { messages: [{ role: "user", content: "x" }] }],
    ["completions", TextFields, TEXT, { prompt: "x" }],
    ["responses", ResponseFields, RESPONSE, { input: "x" }],
    ["responses.inputTokens", InputTokenFields, INPUT_TOKENS, {}],
  ] as const
) {
  Deno.test(`no field of the client's ${kind} is passed over in silence`, () => {
    for (const [name, cases] of Object.entries(fates) as [string, readonly Fate[]][]) {
      for (const [value, fate] of cases) {
        const body = { ...needed, [name]: value }, read = () => readFields(schema, body);
        if (fate.startsWith("refused: ")) {
          const error = assertThrows(read, ApiError);
          assertStringIncludes(error.message, fate.slice("refused: ".length), name);
          assert(error.fields.status === 400 && error.fields.param?.startsWith(name), name);
        } else {
          const request = read() as Record<string, unknown>;
          assertEquals(request[name], value, name);
          assertEquals(unusedFields(request), fate === "told" ? [name] : [], name);
        }
      }
    }
    assertEquals(tierOf({ service_tier: "flex" }), { service_tier: "default" });
  });
}

Deno.test("vLLM's fields are taken at the values that hold anyway, and refused at others", () => {
  const messages = [{ role: "user", content: "x" }];
  const plain = {
    skip_special_tokens: true,
    include_stop_str_in_output: false,
    use_beam_search: false,
    length_penalty: 1,
    prompt_logprobs: null,
    bad_words: [],
    add_special_tokens: false,
    chat_template: null,
  };
  readFields(ChatFields, { messages, ...plain });
  for (
    const [name, value] of [["skip_special_tokens", false], ["length_penalty", 0.5], ["bad_words", ["a"]]]
  ) {
    const error = assertThrows(() => readFields(ChatFields, { messages, [name as string]: value }), ApiError);
    assert(error.fields.param?.startsWith(name as string), error.message);
  }
});

Deno.test("a field of another interface is refused with the name that it has in this one", () => {
  const cases = [
    [MessageFields, NAMED_IN_MESSAGES, { max_tokens: 1, messages: [{ role: "user", content: "x" }] }, {
      stop: "stop_sequences",
      max_completion_tokens: "max_tokens",
      response_format: "output_config.format",
      output_format: "output_config.format",
      grammar: "output_config.format",
      reasoning_effort: "thinking",
      parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
      prompt: "messages",
    }],
    [ResponseFields, NAMED_IN_RESPONSES, { input: "x" }, {
      messages: "input",
      max_tokens: "max_output_tokens",
      max_completion_tokens: "max_output_tokens",
      response_format: "text.format",
      json_schema: "text.format",
      reasoning_effort: "reasoning.effort",
      n_predict: "max_output_tokens",
    }],
    [ChatFields, {}, { messages: [{ role: "user", content: "x" }] }, {
      prompt: "messages",
      output_format: "response_format",
    }],
  ] as const;
  for (const [schema, names, needed, fields] of cases) {
    for (const [name, here] of Object.entries(fields)) {
      const error = assertThrows(() => readFields(schema, { ...needed, [name]: "x" }, names), ApiError);
      assertStringIncludes(error.message, `which this server doesn't know: use ${here}`, name);
      // what is named there is there
      assert(Object.hasOwn(schema.shape, here.replace(/\..*/, "")), here);
    }
  }
});

Deno.test("a schema that is nested too deep is refused by its place, in whichever field", () => {
  const nested = (levels: number): Record<string, unknown> =>
    JSON.parse('{"items":'.repeat(levels - 1) + "{}" + "}".repeat(levels - 1));
  const json_schema = { name: "a", schema: nested(501) }, words = "nested more than 500 levels deep";
  assertThrows(() => answerMask({ response_format: { type: "json_schema", json_schema } }), ApiError, words);
  assertThrows(
    () => answerMask({ guided_json: JSON.stringify(nested(2800)) }),
    ApiError,
    "guided_json: it is nested",
  );
  const tool = { name: "f", parameters: { properties: nested(500) } };
  assertThrows(() => callMask([tool], ["", "", ""]), ApiError, "tools.f.parameters: it is nested");
  answerMask({ guided_json: nested(500) });
});

Deno.test("a fault of the program isn't told as one of the request", () => {
  assertEquals(toApiError(new TypeError("x is undefined")).fields.status, 500);
  assertEquals(toApiError(new RangeError("too long")).fields.status, 400);
});

Deno.test("thinking is switched where the template can, and refused where it can't or has no such step", () => {
  const ask = (more: Record<string, unknown>, thinkingSwitch = true) =>
    thinkingOf(readFields(ChatFields, { messages: [{ role: "user", content: "x" }], ...more }), {
      id: "m",
      thinkingSwitch,
    });
  const off = { chat_template_kwargs: { enable_thinking: false } };
  assertEquals([{}, { reasoning_effort: null }, off].map((more) => ask(more)), [undefined, undefined, false]);
  assertEquals(["none", "medium"].map((effort) => ask({ reasoning_effort: effort })), [false, true]);
  for (const effort of ["minimal", "low", "high", "xhigh", "max"]) {
    assertThrows(() => ask({ reasoning_effort: effort }), ApiError, `no ${effort}`);
  }
  assertThrows(() => ask({ ...off, reasoning_effort: "medium" }), ApiError, "the opposite");
  assertThrows(() => ask(off, false), ApiError, "no switch");
  assertThrows(() => ask({ reasoning_effort: "none" }, false), ApiError, "no switch");

  const tokenizer = loadTokenizerSync(
    new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname,
  );
  const has = (name: string) =>
    hasThinkingSwitch(
      (enable_thinking) => builtinRegistry().create("template", name, { enable_thinking }),
      tokenizer,
    );
  assertEquals([has("qwen"), has("qwen3")], [false, true]);
});
