/**
 * A request for a message as the chat request that asks for the same, and words of that as the first has them.
 * @module
 */
import type { ChatRequest } from "../fields/fields.ts";
import type { AsChat } from "../fields/in_words.ts";
import type { CountRequest, MessageRequest } from "./fields.ts";
import { readBlocks } from "./input.ts";

/** Settings of thinking where the model's chat template has a switch for it; adaptive ones are its own. */
const EFFORT = { enabled: "medium", disabled: "none", adaptive: null } as const;

/**
 * The chat request that asks for the same.
 * @throws {ApiError} 400 if a block can't be read
 */
export function messageAsChat(
  request: CountRequest & Partial<MessageRequest>,
  { thinkingSwitch }: { thinkingSwitch: boolean },
): AsChat & { unused: string[] } {
  const { tools, tool_choice, thinking, output_config, stop_sequences, max_tokens } = request;
  const { messages, places, continues, unused } = readBlocks(request);
  const format = output_config?.format;
  const chat: ChatRequest = {
    ...sampled(request),
    messages,
    max_tokens,
    continue_final_message: continues,
    // an empty list is one that ends nothing
    stop: stop_sequences?.length ? stop_sequences : null,
    reasoning_effort: thinking != null && thinkingSwitch ? EFFORT[thinking.type] : null,
    response_format: format && {
      type: "json_schema",
      json_schema: { name: "output", schema: format.schema },
    },
    tools: tools?.map(({ name, description, input_schema, strict }) => ({
      type: "function",
      function: {
        name,
        ...(description != null && { description }),
        parameters: input_schema,
        ...(strict != null && { strict }),
      },
    })),
    tool_choice: tool_choice == null
      ? null
      : tool_choice.type === "tool"
      ? { type: "function", function: { name: tool_choice.name } }
      : tool_choice.type === "any"
      ? "required"
      : tool_choice.type,
    parallel_tool_calls: tool_choice != null && tool_choice.type !== "none" &&
        tool_choice.disable_parallel_tool_use === true
      ? false
      : null,
  };
  const name = (text: string) => inMessageWords(text, places);
  return {
    chat,
    words: {
      name,
      message: ({ message, fields: { room } }) => room === undefined ? name(message) : tooLong(room),
    },
    unused,
  };
}

/** Fields that both requests have. */
function sampled(request: Partial<MessageRequest>): Partial<ChatRequest> {
  const { model, temperature, top_p, top_k, min_p, repetition_penalty, presence_penalty } = request;
  const { frequency_penalty, logit_bias, min_tokens, seed, stop_token_ids, ignore_eos } = request;
  const { chat_template_kwargs, structured_outputs } = request;
  return {
    ...{ model, temperature, top_p, top_k, min_p, repetition_penalty, presence_penalty },
    ...{ frequency_penalty, logit_bias, min_tokens, seed, stop_token_ids, ignore_eos },
    ...{ chat_template_kwargs, structured_outputs },
  };
}

/** The words of Anthropic's service, by which clients shorten their prompts, or ask for less. */
function tooLong(
  { context, prompt, asked }: { context: number; prompt: number; asked: number | null },
): string {
  return asked === null
    ? `prompt is too long: ${prompt} tokens > ${context - 1} maximum`
    : `input length and \`max_tokens\` exceed context limit: ${prompt} + ${asked} > ${context}, ` +
      `decrease input length or \`max_tokens\` and try again`;
}

/** A name of the chat request's fields, or a text with such names, as the client wrote them. */
function inMessageWords(text: string, places: readonly string[]): string {
  return text.replace(/\bmessages\[(\d+)\]/g, (_, i) => places[Number(i)] ?? "messages")
    .replace(/^messages\.(is_error)$/, "messages.content.$1")
    .replace(/^messages\.reasoning$/, "messages.content.thinking")
    .replace(/^messages\.tool_calls$/, "messages.content.tool_use")
    .replace("continue_final_message", "a last message of the assistant's")
    .replace("response_format.json_schema.schema", "output_config.format.schema")
    .replace(/\bresponse_format\b/, "output_config.format")
    .replace(/\btools\.([\w.-]*?)\.parameters\b/, "tools.$1.input_schema")
    .replace(/\breasoning_effort\b/, "thinking");
}
