/**
 * Messages of requests as templates take them. They are read as a file of training data in OpenAI's shape is, so that what a
 * model was trained on and what it is asked are written alike.
 * @module
 */
import type { DatasetAttributes, Message } from "../../plugins/kinds/dataset.ts";
import type { Registry } from "../../plugins/registry.ts";
import { badRequest } from "./api_error.ts";
import type { ChatRequest } from "./fields.ts";

/** A conversation to be answered. */
export interface AskedConversation {
  /** User (or tool) and assistant in turn, a user's or a tool's message last. */
  messages: Message[];
  /** "" for none. */
  system: string;
  /** Definitions as JSON text; "" for none. */
  tools: string;
}

const ROLES = ["system", "developer", "user", "assistant", "tool"];

/**
 * Reads the messages of a request.
 * @throws {ApiError} 400 if a role is unknown or out of order, or a content isn't text
 */
export function readMessages(
  { messages, tools, tool_choice }: ChatRequest,
  registry: Registry,
): AskedConversation {
  messages.forEach(({ role }, i) => {
    if (ROLES.includes(role)) return;
    throw badRequest(
      `Cannot use the role of message ${i}: it needs one of ${ROLES.join(", ")}`,
      `messages.${i}.role`,
    );
  });
  const dataset = registry.create("dataset", "openai");
  const attributes: DatasetAttributes = {
    name: "request",
    ranking: false,
    shape: "single",
    columns: { ...dataset.defaults.columns, tools: "tools" },
    tags: { ...dataset.defaults.tags },
  };
  const named = messages.map((message) =>
    message.role === "developer" ? { ...message, role: "system" } : message
  );
  const offered = tool_choice === "none" ? [] : tools ?? [];
  // the plugin reads conversations that end with an answer
  const record = { messages: [...named, { role: "assistant", content: "" }], tools: offered };
  const read = dataset.convert(record, attributes, { file: "request", row: 0 });
  if ("reason" in read) {
    throw badRequest(`Cannot use the messages: ${reasonOf(read.reason)}`, read.field || "messages");
  }
  return {
    messages: read.prompts.x ?? [],
    system: read.system,
    tools: offered.length === 0 ? "" : read.tools,
  };
}

/** Reasons that speak of files, in words for a request. */
function reasonOf(reason: string): string {
  return reason.startsWith("roles do not alternate") || reason.startsWith("messages do not end")
    ? "after an optional system message, user (or tool) and assistant take turns, and a user's or tool's message comes last"
    : reason;
}
