/**
 * Fields of a request for a response, OpenAI's newer interface: those that a server without memory can follow.
 * @module
 */
import { z } from "zod";

import { apart } from "../fields/apart_fields.ts";
import { ChatFields, vllmFields } from "../fields/fields.ts";
import { givenMap } from "../fields/given_map.ts";

const {
  model,
  stream,
  temperature,
  top_p,
  top_logprobs,
  parallel_tool_calls,
  stop,
  verbosity,
  moderation,
  reasoning_effort,
  skip_special_tokens,
  include_stop_str_in_output,
} = ChatFields.shape;

const { store: _, ...notes } = apart;

const NOT_KEPT = "responses aren't kept here: send the whole conversation as input";

/** What a reply can tell beside its texts. */
const INCLUDED = ["message.output_text.logprobs", "reasoning.encrypted_content"] as const;

const tool = z.strictObject({
  type: z.literal("function", "only tools of type function are called here"),
  name: z.string().regex(/^[\w.-]{1,64}$/),
  description: z.string().nullish(),
  parameters: givenMap.nullish(),
  strict: z.boolean().nullish(),
  async: z.literal(false, "calls are answered by the next request: leave it out").nullish(),
  defer_loading: z.literal(false, "all tools are offered at once: leave it out").nullish(),
  output_schema: z.null("the model is told of a tool's arguments alone: leave it out").optional(),
  allowed_callers: z.array(z.literal("direct", "only the model calls tools here")).nullish(),
});

/** A request for a response. */
export const ResponseFields = z.strictObject({
  ...vllmFields,
  ...{ stop, skip_special_tokens, include_stop_str_in_output },
  ...notes,
  // the reply has them as they came
  metadata: z.record(z.string(), z.string(), "needs texts by name").nullish(),
  ...{
    user: z.string().nullish(),
    safety_identifier: z.string().nullish(),
    prompt_cache_key: z.string().nullish(),
  },
  ...{ model, stream, temperature, top_p, top_logprobs, parallel_tool_calls, moderation },
  input: z.union([z.string(), z.array(z.looseObject({})).min(1)], "needs a text or a list of items"),
  instructions: z.string("needs a text").nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  text: z.strictObject({
    format: z.discriminatedUnion("type", [
      z.strictObject({ type: z.literal("text") }),
      z.strictObject({ type: z.literal("json_object") }),
      z.strictObject({
        type: z.literal("json_schema"),
        name: z.string(),
        description: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().nullish(),
      }),
    ]).nullish(),
    verbosity,
  }).nullish(),
  reasoning: z.strictObject({
    effort: reasoning_effort,
    summary: z.enum(["auto", "concise", "detailed"]).nullish(),
    generate_summary: z.enum(["auto", "concise", "detailed"]).nullish(),
    context: z.literal("auto", "thoughts are handed to the chat template, which decides").nullish(),
    mode: z.literal("standard", "there is one way of thinking here").nullish(),
  }).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    z.strictObject({ type: z.literal("function"), name: z.string() }),
  ], 'needs "none", "auto", "required", or {"type": "function", "name": …}').nullish(),
  include: z.array(
    z.enum(INCLUDED, "of what can be included there are message.output_text.logprobs and thoughts alone"),
  ).nullish(),
  // of tools that the server itself would call
  max_tool_calls: z.int().min(1).nullish(),
  store: z.literal(false, "nothing is stored here: leave store out").nullish(),
  previous_response_id: z.null(NOT_KEPT).optional(),
  conversation: z.null(NOT_KEPT).optional(),
  context_management: z.null("no conversation is shortened here: send a shorter input").optional(),
  prompt: z.null("prompts aren't kept here: send it as instructions and input").optional(),
  background: z.literal(false, "the answer comes in the reply: leave background out").nullish(),
  truncation: z.literal("disabled", "no prompt is cut here: send a shorter one").nullish(),
  access_programs: z.null("only functions are called here: leave it out").optional(),
  image: z.null("answers are texts here: leave it out").optional(),
  stream_options: z.strictObject({
    include_obfuscation: z.literal(false, "streams aren't padded here: leave it out").nullish(),
  }).nullish(),
});

/** A request for a response, checked. */
export type ResponseRequest = z.output<typeof ResponseFields>;

/** What fields of other interfaces are called here. */
export const NAMED_IN_RESPONSES = {
  messages: "input, or ask /v1/chat/completions",
  max_tokens: "max_output_tokens",
  max_completion_tokens: "max_output_tokens",
  n_predict: "max_output_tokens",
  reasoning_effort: "reasoning.effort",
  response_format: "text.format",
  output_format: "text.format",
  json_schema: "text.format",
  grammar: "text.format with type json_schema",
  guided_json: "structured_outputs.json",
  guided_regex: "structured_outputs.regex",
  guided_choice: "structured_outputs.choice",
  guided_grammar: "text.format with type json_schema",
};

/** Names of given fields that have no effect here, beside those that no request's answer depends on. */
export function unusedHere({ reasoning, include, max_tool_calls }: ResponseRequest): string[] {
  return [
    ...reasoning?.summary == null ? [] : ["reasoning.summary"],
    ...reasoning?.generate_summary == null ? [] : ["reasoning.generate_summary"],
    ...include?.includes("reasoning.encrypted_content") ? ["include.reasoning.encrypted_content"] : [],
    ...max_tool_calls == null ? [] : ["max_tool_calls"],
  ];
}
