/**
 * Fields of a request for a message, Anthropic's interface: those that a model of one's own can follow, and what becomes of the others.
 * @module
 */
import { z } from "zod";

import { ChatFields, vllmFields } from "../fields/fields.ts";
import { givenMap } from "../fields/given_map.ts";

const { model, stream, temperature, top_p } = ChatFields.shape;

/** A mark for a cache that has to be told; the one here finds beginnings by itself. */
export const cacheMark = {
  cache_control: z.strictObject({
    type: z.literal("ephemeral"),
    ttl: z.enum(["5m", "1h"]).nullish(),
  }).nullish(),
};

/** A block of text. */
export const textBlock = z.strictObject({
  type: z.literal("text"),
  text: z.string(),
  citations: z.array(z.unknown()).nullish(),
  ...cacheMark,
});

const tool = z.strictObject({
  type: z.literal("custom", "only tools of the client's own are called here, which have no type or custom")
    .nullish(),
  name: z.string().regex(/^[\w.-]{1,128}$/, "needs 1 to 128 letters, digits, _, . or -"),
  description: z.string().nullish(),
  input_schema: givenMap,
  strict: z.boolean().nullish(),
  input_examples: z.array(z.record(z.string(), z.unknown())).nullish(),
  eager_input_streaming: z.boolean().nullish(),
  allowed_callers: z.array(z.literal("direct", "only the model calls tools here")).nullish(),
  defer_loading: z.literal(false, "all tools are offered at once: leave it out").nullish(),
  ...cacheMark,
});

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };

const display = z.enum(["summarized", "omitted"]).nullish();

/** A request for a message. */
export const MessageFields = z.strictObject({
  ...vllmFields,
  ...{ model, stream, temperature, top_p, ...cacheMark },
  max_tokens: z.int().min(1),
  messages: z.array(z.strictObject({
    role: z.enum(["user", "assistant", "system"]),
    content: z.union([z.string(), z.array(z.unknown())], "needs a text or a list of blocks"),
  })).min(1),
  system: z.union([z.string(), z.array(textBlock)], "needs a text or a list of blocks of text").nullish(),
  stop_sequences: z.array(z.string().min(1)).max(16).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("auto"), ...parallel }),
    z.strictObject({ type: z.literal("any"), ...parallel }),
    z.strictObject({ type: z.literal("tool"), name: z.string(), ...parallel }),
    z.strictObject({ type: z.literal("none") }),
  ]).nullish(),
  thinking: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("enabled"), budget_tokens: z.int().min(1), display }),
    z.strictObject({ type: z.literal("adaptive"), display }),
    z.strictObject({ type: z.literal("disabled") }),
  ]).nullish(),
  output_config: z.strictObject({
    effort: z.enum(["low", "medium", "high", "xhigh", "max"]).nullish(),
    format: z.strictObject({ type: z.literal("json_schema"), schema: z.record(z.string(), z.unknown()) })
      .nullish(),
    task_budget: z.null("an answer ends by max_tokens alone: leave it out").optional(),
  }).nullish(),
  metadata: z.strictObject({ user_id: z.string().nullish() }).nullish(),
  service_tier: z.enum(["auto", "standard_only"]).nullish(),
  inference_geo: z.string().nullish(),
  speed: z.literal("standard", "there is one way of answering: leave speed out").nullish(),
  diagnostics: z.strictObject({ previous_message_id: z.string().nullish() }).nullish(),
  container: z.null("no code is run here: leave container out").optional(),
  mcp_servers: z.array(z.never("tools are called by the client: name them in tools")).nullish(),
  context_management: z.strictObject({
    edits: z.array(z.strictObject({
      type: z.literal("clear_thinking_20251015", "no conversation is shortened here: send a shorter one"),
      keep: z.literal("all", "thoughts are handed to the chat template, which decides"),
    })).nullish(),
  }).nullish(),
});

/** A request for a message, checked. */
export type MessageRequest = z.output<typeof MessageFields>;

/** A request for the number of tokens of a message's prompt: the fields that it depends on. */
export const CountFields = MessageFields.pick({
  model: true,
  messages: true,
  system: true,
  tools: true,
  tool_choice: true,
  thinking: true,
  output_config: true,
  cache_control: true,
  chat_template_kwargs: true,
  context_management: true,
  mcp_servers: true,
  speed: true,
});

/** Fields of both requests. */
export type CountRequest = z.output<typeof CountFields>;

/** What fields of other interfaces are called here. */
export const NAMED_IN_MESSAGES = {
  stop: "stop_sequences",
  max_completion_tokens: "max_tokens",
  max_output_tokens: "max_tokens",
  n_predict: "max_tokens",
  reasoning_effort: "thinking",
  parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
  response_format: "output_config.format",
  output_format: "output_config.format",
  json_schema: "output_config.format",
  grammar: "output_config.format with type json_schema",
  guided_json: "structured_outputs.json",
  guided_regex: "structured_outputs.regex",
  guided_choice: "structured_outputs.choice",
  guided_grammar: "output_config.format with type json_schema",
};

/** Names of given fields that have no effect here, beside those of messages. */
export function unusedOfMessage(
  { cache_control, system, tools, thinking, output_config, context_management, ...rest }:
    & CountRequest
    & Partial<MessageRequest>,
  { thinkingSwitch }: { thinkingSwitch: boolean },
): string[] {
  const ofTools = (name: "cache_control" | "input_examples" | "eager_input_streaming") =>
    tools?.some((each) => each[name] != null) ? [`tools.${name}`] : [];
  const blocks = typeof system === "string" ? [] : system ?? [];
  return [
    ...rest.metadata?.user_id == null ? [] : ["metadata"],
    ...rest.inference_geo == null ? [] : ["inference_geo"],
    ...rest.diagnostics == null ? [] : ["diagnostics"],
    ...cache_control == null ? [] : ["cache_control"],
    ...blocks.some((block) => block.cache_control != null) ? ["system.cache_control"] : [],
    ...blocks.some((block) => block.citations != null) ? ["system.citations"] : [],
    ...ofTools("cache_control"),
    ...ofTools("input_examples"),
    ...ofTools("eager_input_streaming"),
    ...thinking != null && !thinkingSwitch ? ["thinking"] : [],
    ...thinking?.type === "enabled" && thinkingSwitch ? ["thinking.budget_tokens"] : [],
    ...output_config?.effort == null ? [] : ["output_config.effort"],
    ...context_management == null ? [] : ["context_management"],
  ];
}
