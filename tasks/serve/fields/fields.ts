/**
 * Fields of requests: those of OpenAI's interface, and those that vLLM's server knows beside them.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../../formats/did_you_mean.ts";
import { shown } from "../../../formats/message.ts";
import { keysAt } from "../../../formats/schema_keys.ts";
import { inWords } from "../../../formats/zod_words.ts";
import { NO_VARIABLES } from "../../../plugins/kinds/template.ts";
import { apart, chatApart, vllmApart, vllmChatApart } from "./apart_fields.ts";
import { type ApiError, badRequest } from "../api_error.ts";
import { givenAs, givenMap } from "./given_map.ts";
import { structured } from "./structured_fields.ts";

const whole = (min: number, max: number = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);

/** Sampling, of both kinds of request. */
const sampling = {
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: whole(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^\d+$/, "needs token ids"), z.number().min(-100).max(100)).nullish(),
  max_tokens: whole(1).nullish(),
  min_tokens: whole(0).nullish(),
  n: whole(1, 128).nullish(),
  // 64 bits in OpenAI's clients; beyond 53 neighbours are one number in JSON's reader
  seed: z.number().min(-(2 ** 63)).max(2 ** 64).refine(Number.isInteger, "needs a whole number").nullish(),
  stop: z.union(
    [z.string().min(1), z.array(z.string().min(1)).max(16)],
    "needs a text or up to 16 texts, none of them empty",
  ).nullish(),
  stop_token_ids: z.array(whole(0)).nullish(),
  ignore_eos: z.boolean().nullish(),
  // vLLM's
  prompt_logprobs: whole(0, 20).nullish(),
};

/** Fields of both kinds of request beside sampling. */
const common = {
  model: z.string().min(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({
    include_usage: z.boolean().nullish(),
    continuous_usage_stats: z.boolean().nullish(),
    include_obfuscation: z.literal(false, "streams aren't padded here: leave it out").nullish(),
  })
    .nullish(),
  response_format: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: z.string(),
        description: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().nullish(),
      }),
    }),
  ]).nullish(),
  ...structured,
};

const tool = z.strictObject({
  type: z.literal("function", "only tools of type function are called here"),
  function: z.strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/),
    description: z.string().nullish(),
    parameters: givenMap.nullish(),
    strict: z.boolean().nullish(),
  }),
});

/** A request for a chat's next message. */
export const ChatFields = z.strictObject({
  ...common,
  ...sampling,
  ...apart,
  ...chatApart,
  ...vllmApart,
  ...vllmChatApart,
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  max_completion_tokens: whole(1).nullish(),
  reasoning_effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: whole(0, 20).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
  ], 'needs "none", "auto", "required", or {"type": "function", "function": {"name": …}}').nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  chat_template_kwargs: givenAs(z.looseObject({
    enable_thinking: z.boolean().optional(),
    ...Object.fromEntries(
      NO_VARIABLES.map((name) => [name, z.undefined("the request says it itself: leave it out").optional()]),
    ),
  })).nullish(),
  add_generation_prompt: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish(),
});

/** Fields of vLLM's own that requests of every interface for a chat's next message may have. */
export const vllmFields = ChatFields.pick({
  top_k: true,
  min_p: true,
  repetition_penalty: true,
  presence_penalty: true,
  frequency_penalty: true,
  logit_bias: true,
  min_tokens: true,
  seed: true,
  stop_token_ids: true,
  ignore_eos: true,
  chat_template_kwargs: true,
  structured_outputs: true,
}).shape;

/** A request for the continuation of a text. */
export const TextFields = z.strictObject({
  ...common,
  ...sampling,
  ...apart,
  ...vllmApart,
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1),
    z.array(whole(0)).min(1),
    z.array(z.array(whole(0)).min(1)).min(1),
  ], "needs a text, texts, token ids or lists of token ids, and none of the lists empty"),
  logprobs: whole(0, 20).nullish(),
  echo: z.boolean().nullish(),
  max_tokens: whole(0).nullish(),
  best_of: whole(1).nullish(),
  suffix: z.string().nullish(),
  add_special_tokens: z.boolean().nullish(),
});

/** A chat request, checked. */
export type ChatRequest = z.output<typeof ChatFields>;

/** A text request, checked. */
export type TextRequest = z.output<typeof TextFields>;

/** Sampling fields of both kinds of request. */
export type SamplingRequest = Pick<
  ChatRequest,
  keyof typeof sampling | keyof typeof structured | "stream" | "stream_options" | "response_format"
>;

/** Fields of other servers whose effect would be missed if they were passed over. */
const INSTEAD: Readonly<Record<string, string>> = {
  "response_format.schema": 'type "json_schema" with "json_schema": {"name": …, "schema": …}',
  guided_grammar: "response_format with type json_schema",
  json_schema: "response_format",
  structural_tag: "tools with strict: true",
  guided_whitespace_pattern: "no such field: JSON is on one line here",
  grammar: "response_format with type json_schema",
  output_format: "response_format",
  n_predict: "max_tokens",
  prompt: "messages, or ask /v1/completions",
  messages: "prompt, or ask /v1/chat/completions",
};

/**
 * A body as a request.
 * @param instead What fields of other interfaces are called in this one, where that isn't what chats call them
 * @throws {ApiError} 400 with the first field at fault
 */
export function readFields<S extends z.ZodObject>(
  schema: S,
  body: unknown,
  instead: Readonly<Record<string, string>> = {},
): z.output<S> {
  const parsed = schema.safeParse(withoutNulls(schema, body), inWords);
  if (parsed.success) return parsed.data;
  throw fault(parsed.error.issues[0], schema, body, { ...INSTEAD, ...instead });
}

/** A body without unknown fields that say nothing: many clients send null for what they don't use. */
function withoutNulls({ shape }: z.ZodObject, body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([name, value]) => value !== null || Object.hasOwn(shape, name)),
  );
}

function fault(
  issue: z.core.$ZodIssue | undefined,
  schema: unknown,
  body: unknown,
  names: Readonly<Record<string, string>>,
): ApiError {
  if (issue === undefined) return badRequest("Cannot read the request");
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const name = issue.keys[0] ?? "", whole = pathText([...issue.path, name]);
    const known = [whole, name].find((each) => Object.hasOwn(names, each));
    const instead = known !== undefined ? `: use ${names[known]}` : didYouMean(name, keysAt(schema, path));
    return badRequest(
      `Cannot use the field ${shown(whole)}, which this server doesn't know${instead}`,
      whole,
    );
  }
  const value = path.reduce<unknown>(
    (found, step) =>
      typeof found === "object" && found !== null ? (found as Record<string, unknown>)[step] : undefined,
    body,
  );
  const name = pathText(issue.path);
  return badRequest(
    `Cannot use ${name === "" ? "the body" : name}: ${issue.message}; current value is ${
      typeof value === "string" || typeof value === "object" ? kind(value) : shown(value)
    }`,
    name || null,
  );
}

/** A field inside of others as OpenAI's errors write it, such as `tools[0].function.name`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.map((step, i) =>
    typeof step === "number" ? `[${step}]` : i === 0 ? String(step) : `.${String(step)}`
  ).join("");
}

/** Texts and objects are contents, which errors (and so logs) don't repeat. */
function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value)
    ? `a list of ${value.length}`
    : typeof value === "string"
    ? "a text"
    : "an object";
}
