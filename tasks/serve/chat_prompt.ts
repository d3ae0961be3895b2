/**
 * The prompt of a chat request, and fields of its messages that the model's template has no place for.
 * @module
 */
import type { Template } from "../../plugins/kinds/template.ts";
import type { Registry } from "../../plugins/registry.ts";
import { badRequest } from "./api_error.ts";
import type { ChatRequest } from "./fields.ts";
import { readMessages } from "./messages.ts";
import type { ServedModel } from "./models.ts";

/** A chat as the model is given it. */
export interface ChatPrompt {
  /** Ids, assistant header included. */
  ids: number[];
  /** Whether tools are offered in it. */
  offersTools: boolean;
  /** Fields of messages without which the ids are the same, such as `messages.name`. */
  unused: string[];
}

/**
 * The prompt of a request.
 * @throws {ApiError} 400 if messages can't be read, or the template refuses them
 */
export function chatPrompt(
  request: ChatRequest,
  model: ServedModel,
  template: Template,
  registry: Registry,
): ChatPrompt {
  const encoded = (asked: ChatRequest) => {
    const { messages, system, tools } = readMessages(asked, registry);
    try {
      const ids = template.encodePrompt(
        model.local.tokenizer,
        messages,
        system || template.defaultSystem,
        tools,
      );
      return { ids, offersTools: tools !== "" };
    } catch (error) {
      throw badRequest((error as Error).message, "messages");
    }
  };
  const found = encoded(request), same = found.ids.join();
  const isUnused = (name: string) => {
    const messages = request.messages.map((message) => without(message, name));
    try {
      return encoded({ ...request, messages }).ids.join() === same;
    } catch {
      return false;
    }
  };
  const fields = [...new Set(request.messages.flatMap(doubtfulFields))].filter(isUnused);
  return { ...found, unused: [...fields, ...partFields(request)].map((name) => `messages.${name}`) };
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
      ? Object.keys(part).filter((name) => !["type", "text"].includes(name))
      : []
  );
  return [...new Set(names)].map((name) => `content.${name}`);
}
