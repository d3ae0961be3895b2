/**
 * A request for a response as the chat request that asks for the same, and words of that as the first has them.
 * @module
 */
import type { ChatRequest } from "../fields/fields.ts";
import type { AsChat } from "../fields/in_words.ts";
import type { ResponseRequest } from "./fields.ts";
import { inputMessages } from "./input.ts";

/**
 * The chat request that asks for the same.
 * @throws {ApiError} 400 if the input can't be read
 */
export function responseAsChat(request: ResponseRequest): AsChat {
  const {
    input: _,
    instructions: __,
    max_output_tokens,
    text,
    reasoning,
    tools,
    tool_choice,
    include,
    ...rest
  } = request;
  const { messages, places } = inputMessages(request);
  const format = text?.format;
  const chat: ChatRequest = {
    ...sampled(rest),
    messages,
    max_completion_tokens: max_output_tokens,
    reasoning_effort: reasoning?.effort,
    logprobs: include?.includes("message.output_text.logprobs") === true,
    response_format: format?.type === "json_schema"
      ? { type: format.type, json_schema: { name: format.name, schema: format.schema } }
      : format,
    tools: tools?.map(({ name, description, parameters, strict }) => ({
      type: "function",
      function: {
        name,
        ...(description != null && { description }),
        ...(parameters != null && { parameters }),
        ...(strict != null && { strict }),
      },
    })),
    tool_choice: typeof tool_choice === "object" && tool_choice !== null
      ? { type: "function", function: { name: tool_choice.name } }
      : tool_choice,
  };
  const name = (text: string) => inResponseWords(text, places);
  return { chat, words: { name, message: (error) => name(error.message) } };
}

/** Fields that both requests have. */
function sampled(
  { model, temperature, top_p, top_logprobs, parallel_tool_calls, chat_template_kwargs, ...rest }: Omit<
    ResponseRequest,
    "input"
  >,
): Partial<ChatRequest> {
  const { top_k, min_p, repetition_penalty, presence_penalty, frequency_penalty, logit_bias } = rest;
  const { min_tokens, seed, stop, stop_token_ids, ignore_eos, structured_outputs } = rest;
  return {
    ...{ model, temperature, top_p, top_logprobs, parallel_tool_calls, chat_template_kwargs },
    ...{ top_k, min_p, repetition_penalty, presence_penalty, frequency_penalty, logit_bias },
    ...{ min_tokens, seed, stop, stop_token_ids, ignore_eos, structured_outputs },
  };
}

/** A name of the chat request's fields, or a text with such names, as the client wrote them. */
function inResponseWords(text: string, places: readonly string[]): string {
  return text.replace(/\bmessages\[(\d+)\]/g, (_, i) => places[Number(i)] ?? "input")
    .replace(/^messages(?=\.|$)/, "input")
    .replace("response_format.json_schema.schema", "text.format.schema")
    .replace(/\bresponse_format\b/, "text.format")
    .replace(/\bmax_(completion_)?tokens\b/, "max_output_tokens")
    .replace(/\breasoning_effort\b/, "reasoning.effort")
    .replace("set logprobs to true", "include message.output_text.logprobs");
}
