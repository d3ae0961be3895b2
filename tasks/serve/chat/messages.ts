/**
 * Messages of requests. The model's own chat template gets them as they are, in any order, and takes or refuses them; a named
 * template gets them as rows of training data in OpenAI's shape are read.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { mapTexts, parsedOnce, type PyJson } from "../../../formats/python_json.ts";
import { exactJson, exactMember } from "../../../formats/records/exact_json.ts";
import type { DatasetAttributes, Message } from "../../../plugins/kinds/dataset.ts";
import type { Registry } from "../../../plugins/registry.ts";
import { badRequest } from "../api_error.ts";
import type { ChatRequest } from "../fields/fields.ts";
import { placesByCalls } from "./result_order.ts";

/** A conversation to be answered by a named template. */
export interface AskedConversation {
  /** User (or tool) and assistant in turn, a user's or a tool's message last. */
  messages: Message[];
  /** "" for none. */
  system: string;
  /** Definitions as JSON text; "" for none. */
  tools: string;
}

const ROLES = ["system", "developer", "user", "assistant", "tool"];

/** Tools that the model is offered. */
export function offeredTools({ tools, tool_choice }: ChatRequest): NonNullable<ChatRequest["tools"]> {
  return tool_choice === "none" ? [] : tools ?? [];
}

/**
 * The messages of a request as a model's own template takes them: contents are texts or lists of parts with nothing but their
 * text, what is null is left out, arguments of calls are objects, results stand in the order of their calls.
 * @throws {ApiError} 400 if a role is unknown, or a content isn't text
 */
export function templateMessages({ messages }: ChatRequest): Map<string, PyJson>[] {
  const read = messages.map((message, i) => {
    const where = `messages[${i}]`;
    checkRole(message, i);
    const record = new Map<string, PyJson>([["role", message.role], ["content", contentOf(message, where)]]);
    for (const [name, value] of Object.entries(message)) {
      if (value == null || name === "role" || name === "content") continue;
      if (name !== "tool_calls") record.set(name, jsonOf(value, `${where}.${name}`));
      else if (!Array.isArray(value) || value.length > 0) record.set(name, callsOf(value, where));
    }
    return record;
  });
  return placesByCalls(messages).map((place) => item(read, place));
}

/** Definitions of tools, or another value of a request, as a template takes it: numbers as the client wrote them. @throws {ApiError} 400 if it can't be written */
export function jsonOf(value: unknown, where: string): PyJson {
  return checked(() => exactJson(value), where);
}

/** As {@linkcode jsonOf}, of a member of an object: a number too is as the client wrote it. */
export function jsonMember(object: Record<string, unknown>, name: string, where: string): PyJson {
  return checked(() => exactMember(object, name), where);
}

function checked(value: () => PyJson, where: string): PyJson {
  let read: PyJson;
  try {
    read = value();
  } catch {
    throw badRequest(`Cannot use ${where}: it is nested too deep`, where);
  }
  mapTexts(read, (text) => {
    if (text.isWellFormed()) return text;
    throw badRequest(`Cannot use ${where}: it has broken Unicode (a lone surrogate)`, where);
  });
  return read;
}

function checkRole({ role }: { role: string }, i: number): void {
  if (ROLES.includes(role)) return;
  throw badRequest(
    `Cannot use the role of message ${i}: it needs one of ${ROLES.join(", ")}`,
    `messages[${i}].role`,
  );
}

type AskedMessage = ChatRequest["messages"][number];

function contentOf({ role, content }: AskedMessage, where: string): PyJson {
  if (content == null && role === "assistant") return "";
  if (typeof content === "string") return jsonOf(content, `${where}.content`);
  if (!Array.isArray(content)) {
    throw badRequest(
      `Cannot use the content of ${where}: it needs a text or a list of parts`,
      `${where}.content`,
    );
  }
  return content.map((part: unknown, j) => {
    const place = `${where}.content[${j}]`, words = wordsOf(part, role);
    if (words !== undefined) {
      return new Map<string, PyJson>([["type", "text"], ["text", jsonOf(words, place)]]);
    }
    throw badRequest(`Cannot use ${place}: it is not text, and the model reads nothing else`, place);
  });
}

/** Types of parts that are a text; the last two are those of OpenAI's responses, which vLLM takes here too. */
const TEXT_PARTS = ["text", "input_text", "output_text"];

/** The text of a part of a content, where it is one. */
function wordsOf(part: unknown, role: string): string | undefined {
  if (typeof part === "string") return part;
  if (typeof part !== "object" || part === null) return undefined;
  const { type, text, refusal } = part as Record<string, unknown>;
  const isRefusal = type === "refusal" && role === "assistant";
  const words = isRefusal ? refusal : TEXT_PARTS.includes(String(type)) ? text : undefined;
  return typeof words === "string" ? words : undefined;
}

/** A message whose texts in parts are called so, as rows of training data have them; the rest stays and is refused. */
function namedParts(message: AskedMessage): AskedMessage {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const parts = content.map((part: unknown) => {
    const text = wordsOf(part, message.role);
    return text === undefined ? part : { type: "text", text };
  });
  return { ...message, content: parts };
}

function callsOf(calls: unknown, where: string): PyJson {
  const field = `${where}.tool_calls`, read = jsonOf(calls, field);
  if (!Array.isArray(read)) throw badRequest(`Cannot use ${field}: it needs a list of calls`, field);
  return read.map((call, j) => {
    const called = call instanceof Map ? call.get("function") : undefined;
    if (!(call instanceof Map) || !(called instanceof Map) || typeof called.get("name") !== "string") {
      throw badRequest(`Cannot use ${field}[${j}]: it has no function with a name`, `${field}[${j}]`);
    }
    const args = called.get("arguments");
    // templates write an object; "" is what some clients send for none
    const given = args == null || args === "" ? new Map<string, PyJson>() : parsedOnce(args);
    return new Map(call).set("function", new Map(called).set("arguments", given));
  });
}

/**
 * Reads the messages of a request for a named template.
 * @throws {ApiError} 400 if a role is unknown or out of order, or a content isn't text
 */
export function readMessages(request: ChatRequest, registry: Registry): AskedConversation {
  const { messages } = request;
  messages.forEach(checkRole);
  const dataset = registry.create("dataset", "openai");
  const attributes: DatasetAttributes = {
    name: "request",
    ranking: false,
    shape: "single",
    columns: { ...dataset.defaults.columns, tools: "tools" },
    tags: { ...dataset.defaults.tags },
  };
  const places = placesByCalls(messages);
  const named = places.map((place) => namedParts(item(messages, place))).map((message) =>
    message.role === "developer" ? { ...message, role: "system" } : message
  );
  const tools = offeredTools(request);
  // the plugin reads conversations that end with an answer
  const record = { messages: [...named, { role: "assistant", content: "" }], tools };
  const read = dataset.convert(record, attributes, { file: "request", row: 0 });
  if ("reason" in read) {
    const field = read.field.replace(/^messages\[(\d+)\]/, (_, i) => `messages[${places[Number(i)] ?? i}]`);
    throw badRequest(`Cannot use the messages: ${reasonOf(read.reason)}`, field || "messages");
  }
  return {
    messages: read.prompts.x ?? [],
    system: read.system,
    tools: tools.length === 0 ? "" : read.tools,
  };
}

/** Reasons that speak of files, in words for a request. */
function reasonOf(reason: string): string {
  return reason.startsWith("roles do not alternate") || reason.startsWith("messages do not end")
    ? "for a named template, after an optional system message, user (or tool) and assistant take turns, and a user's or tool's " +
      "message comes last; with --template auto the model's own template decides"
    : reason;
}
