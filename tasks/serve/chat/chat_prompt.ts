/**
 * The prompt of a chat request, and fields of it that the model's template has no place for.
 * @module
 */
import type { PyJson } from "../../../formats/python_json.ts";
import type { ThoughtTags } from "../../../plugins/kinds/endpoint.ts";
import type { Template } from "../../../plugins/kinds/template.ts";
import { openedBy } from "../../../plugins/endpoints/local/shown_text.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { ApiError, badRequest } from "../api_error.ts";
import type { ChatRequest } from "../fields/fields.ts";
import { jsonMember, jsonOf, offeredTools, readMessages, templateMessages } from "./messages.ts";
import type { ServedModel } from "../models.ts";

/** A chat as the model is given it. */
export interface ChatPrompt {
  /** Ids, assistant header included unless the request says otherwise. */
  ids: number[];
  /** True if tools are offered in it. */
  offersTools: boolean;
  /** Fields of messages and variables of the template without which the ids are the same, such as `messages.name`. */
  unused: string[];
}

/**
 * The prompt of a request.
 * @throws {ApiError} 400 if messages can't be read, or the template refuses them
 */
export function chatPrompt(
  request: ChatRequest,
  { local }: Pick<ServedModel, "local">,
  template: Template,
  registry: Registry,
): ChatPrompt {
  if (request.continue_final_message === true && request.add_generation_prompt === true) {
    throw badRequest(
      "Cannot continue the last message and begin an answer behind it: leave add_generation_prompt out, or set it to false",
      "add_generation_prompt",
    );
  }
  const encoded = (asked: ChatRequest, left?: string) =>
    idsOf({ request: asked, variables: variablesOf(asked, left) }, local, template, registry);
  const ids = encoded(request), same = ids.join();
  if (ids.length === 0) {
    throw badRequest("Cannot answer the messages: the chat template writes nothing for them", "messages");
  }
  const changesNothing = (asked: ChatRequest, left?: string) => {
    try {
      return encoded(asked, left).join() === same;
    } catch {
      return false;
    }
  };
  const fields = [...new Set(request.messages.flatMap(doubtfulFields))].filter((name) =>
    changesNothing({ ...request, messages: request.messages.map((message) => without(message, name)) })
  );
  const kwargs = [...variablesOf(request).keys()].filter((name) => changesNothing(request, name));
  return {
    ids,
    offersTools: offeredTools(request).length > 0,
    unused: [
      ...[...fields, ...partFields(request)].map((name) => `messages.${name}`),
      ...kwargs.map((name) => `chat_template_kwargs.${name}`),
    ],
  };
}

/** The tags that a thought stands in when the answer begins: those that the prompt's end opens, or the message that is continued. */
export function openedTags(
  { messages, continue_final_message }: ChatRequest,
  prompt: readonly number[],
  { tokenizer }: ServedModel["local"],
  tags: readonly ThoughtTags[],
): ThoughtTags | undefined {
  const content = messages.at(-1)?.["content"];
  if (continue_final_message !== true || typeof content !== "string") {
    return openedBy(prompt, tokenizer, tags);
  }
  return tags.find(([open, close]) => content.lastIndexOf(open) > content.lastIndexOf(close));
}

function idsOf(
  { request, variables }: { request: ChatRequest; variables: Map<string, PyJson> },
  { tokenizer }: ServedModel["local"],
  template: Template,
  registry: Registry,
): number[] {
  const { add_generation_prompt, continue_final_message } = request;
  const asked = () => {
    if (template.encodeChat !== undefined) {
      const tools = offeredTools(request);
      return template.encodeChat(tokenizer, {
        messages: templateMessages(request),
        tools: tools.length === 0 ? null : jsonOf(tools, "tools") as PyJson[],
        addGenerationPrompt: continue_final_message !== true && add_generation_prompt !== false,
        continueFinalMessage: continue_final_message === true,
        variables,
      });
    }
    const [variable] = variables.keys();
    const refused = variable !== undefined
      ? `chat_template_kwargs.${variable}`
      : continue_final_message === true
      ? "continue_final_message"
      : add_generation_prompt === false
      ? "add_generation_prompt"
      : null;
    if (refused !== null) {
      throw badRequest(`Cannot use ${refused}: the template ${template.name} has no place for it`, refused);
    }
    const { messages, system, tools } = readMessages(request, registry);
    return template.encodePrompt(tokenizer, { messages, system: system || template.defaultSystem, tools });
  };
  try {
    return asked();
  } catch (error) {
    // a TypeError is a fault of the program's
    if (error instanceof ApiError || error instanceof TypeError) throw error;
    throw badRequest((error as Error).message, "messages");
  }
}

/**
 * Variables of the template that the request names; thinking has a switch of its own, see thinking.ts.
 * @param left Name of one that is left out
 */
function variablesOf({ chat_template_kwargs }: ChatRequest, left?: string): Map<string, PyJson> {
  const given = chat_template_kwargs ?? {};
  const names = Object.keys(given).filter((name) => name !== "enable_thinking" && name !== left);
  return new Map(
    names.map((name) => [name, jsonMember(given, name, `chat_template_kwargs.${name}`)]),
  );
}

type AskedMessage = ChatRequest["messages"][number];

/** Fields that not every template writes. A result's `tool_call_id` says nothing that its place doesn't. */
function doubtfulFields(message: AskedMessage): string[] {
  const beside = message["tool_calls"] == null ? ["content"] : [];
  return Object.keys(message).filter((name) =>
    message[name] != null && message[name] !== "" && !["role", "tool_call_id", ...beside].includes(name)
  );
}

function without(message: AskedMessage, name: string): AskedMessage {
  if (message[name] == null || name === "content" && message["tool_calls"] == null) return message;
  const { [name]: _, ...others } = message;
  return name === "tool_calls"
    ? { content: "", ...others, role: message.role }
    : { ...others, role: message.role };
}

/** Fields of parts of contents beside their text. */
function partFields({ messages }: ChatRequest): string[] {
  const parts = messages.flatMap(({ content }) => Array.isArray(content) ? content as unknown[] : []);
  const names = parts.flatMap((part) =>
    typeof part === "object" && part !== null
      ? Object.keys(part).filter((name) => !["type", "text", "refusal"].includes(name))
      : []
  );
  return [...new Set(names)].map((name) => `content.${name}`);
}
