/**
 * OpenAI records: `{messages: [{role, content, tool_calls?}, …]}`; ranking and kto too.
 *
 * LLaMA-Factory: `OpenAIDatasetConverter`, save that nothing is added to the system text unless asked for.
 * @module
 */
import { z } from "zod";

import { parsedOnce, parsePyJson, type PyJson, writePyJson } from "../../formats/python_json.ts";
import { exactValue } from "../../formats/records/exact_json.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { converting } from "./_converting.ts";
import { own, pythonJson, RecordFault, requiredText } from "./_record.ts";
import {
  columns,
  type Conversation,
  conversation,
  finish,
  type ReadMessage,
  requiredColumns,
} from "./_turns.ts";
import type { Dataset, DatasetAttributes, Message } from "../kinds/dataset.ts";

/** OpenAI's names of roles and fields. */
export const openaiTags: Readonly<Record<string, string>> = {
  role_tag: "role",
  content_tag: "content",
  user_tag: "user",
  assistant_tag: "assistant",
  observation_tag: "tool",
  function_tag: "function",
  system_tag: "system",
};

const Options = z.strictObject({
  detailed_thinking_off: z.boolean().default(false).describe(
    'change the system text as LLaMA-Factory 0.9.5 does: "detailed thinking off" behind it in records without tools, a line ' +
      "break in those with tools",
  ),
});

/** The plugin `openai`; its fields are in the module's text. */
const openaiPlugin: Plugin<"dataset", typeof Options> = definePlugin({
  kind: "dataset",
  name: "openai",
  version: "3",
  description: "Records {messages: [{role, content}]} with tool calls; ranking and kto",
  options: Options,
  create: ({ detailed_thinking_off }): Dataset => ({
    shapes: ["single", "pair", "kto", "iopo"],
    defaults: {
      columns: { ...columns, messages: "messages" },
      tags: openaiTags,
    },
    required: (shape) => requiredColumns("messages", shape),
    convert: (record, attributes, source) =>
      converting(record, attributes, source, (fields) => {
        const read = openaiReader(attributes);
        const found = conversation(fields, attributes, read);
        const turns = joinedResults(found.turns);
        // results at the very end lead to no answer
        const talk = { ...found, turns: turns.at(-1)?.role === "tool" ? turns.slice(0, -1) : turns };
        return finish(fields, attributes, detailed_thinking_off ? withThinkingOff(talk) : talk, read);
      }),
  }),
});
export default openaiPlugin;

/**
 * Reads a message with its tool calls, thought and parts of content.
 * @throws {RecordFault} (when read) If the message has `function_call`, or a tool call without a function
 */
export function openaiReader(attributes: DatasetAttributes): ReadMessage {
  return (message, role, field) => {
    const calls = own(message, "tool_calls");
    if ((own(message, "function_call") ?? null) !== null) {
      throw new RecordFault(
        "function_call is not supported (write tool_calls)",
        nextTo(field, "function_call"),
      );
    }
    if ((role === "assistant" || role === "function") && Array.isArray(calls) && calls.length > 0) {
      const callsField = field.replace(/\.[^.]*$/, ".tool_calls");
      const functions = calls.map((call, i) => {
        const called = typeof call === "object" && call !== null ? own(call, "function") : undefined;
        if (called === undefined) throw new RecordFault("tool call has no function", `${callsField}[${i}]`);
        return called;
      });
      const said = own(message, attributes.tags.content_tag!) ?? "";
      return {
        role: "function",
        content: callsText(pythonJson(functions, "tool calls", callsField)),
        ...(said !== "" && { said: contentText(said, field) }),
        ...further(message, attributes, field),
      };
    }
    const content = contentText(own(message, attributes.tags.content_tag!), field);
    return { role, content, ...further(message, attributes, field) };
  };
}

/** Path of another field of the same message. */
function nextTo(field: string, name: string): string {
  return field.replace(/\.[^.]*$/, `.${name}`);
}

/** Calls with their arguments as objects, also where they were given as text. */
function callsText(functions: string): string {
  const calls = parsePyJson(functions) as PyJson[];
  return writePyJson(calls.map((call) => call instanceof Map ? withArguments(call) : call));
}

function withArguments(call: Map<string, PyJson>): Map<string, PyJson> {
  const given = call.get("arguments");
  return given === undefined ? call : new Map(call).set("arguments", parsedOnce(given));
}

/** Names under which interfaces give what was thought before an answer, as transformers knows them. */
export const THOUGHT_FIELDS: readonly string[] = ["reasoning_content", "thinking", "reasoning"];

/** Thought and further fields of a message; what is null isn't there. */
function further(
  message: Record<string, unknown>,
  { tags }: DatasetAttributes,
  field: string,
): Pick<Message, "thought" | "fields"> {
  const exact = exactValue(message);
  const entries = (exact instanceof Map ? [...exact] : Object.entries(message)).filter(([name, value]) =>
    name !== tags.role_tag && name !== tags.content_tag && value !== null
  );
  if (entries.length === 0) return {};
  const place = (name: string) => field.replace(/\.[^.]*$/, `.${name}`);
  const name = THOUGHT_FIELDS.find((each) => (own(message, each) ?? null) !== null);
  const thought = name === undefined ? "" : requiredText(own(message, name), "thought", place(name));
  const fields = new Map(
    entries.map(([name, value]) => [name, parsePyJson(pythonJson(value, "message", place(name)))]),
  );
  return {
    ...(thought !== "" && { thought }),
    fields: writePyJson(withParsedCalls(fields)),
  };
}

function withParsedCalls(fields: Map<string, PyJson>): Map<string, PyJson> {
  const calls = fields.get("tool_calls");
  if (!Array.isArray(calls)) return fields;
  const parsed = calls.map((call) => {
    const called = call instanceof Map ? call.get("function") : undefined;
    return called instanceof Map
      ? new Map(call as Map<string, PyJson>).set("function", withArguments(called))
      : call;
  });
  return new Map(fields).set("tool_calls", parsed);
}

function contentText(content: unknown, field: string): string {
  if (!Array.isArray(content)) return requiredText(content, "content", field);
  return content.map((part, i) => {
    const isText = typeof part === "object" && part !== null && own(part, "type") === "text";
    if (!isText) throw new RecordFault("content has parts that are not text", `${field}[${i}]`);
    return requiredText(own(part, "text"), "content", `${field}[${i}].text`);
  }).join("");
}

/** Results of several calls in a row are one turn. */
export function joinedResults(turns: readonly Message[]): Message[] {
  const joined: Message[] = [];
  for (const turn of turns) {
    const last = joined.at(-1);
    if (turn.role === "tool" && last?.role === "tool") {
      joined[joined.length - 1] = {
        role: "tool",
        content: `${last.content}\n</tool_response>\n<tool_response>\n${turn.content}`,
        results: [...(last.results ?? [last]), turn],
        ...(turn.learnt === undefined && last.learnt === undefined
          ? {}
          : { learnt: turn.learnt !== false && last.learnt !== false }),
      };
    } else joined.push(turn);
  }
  return joined;
}

function withThinkingOff(talk: Conversation): Conversation {
  const added = "detailed thinking off";
  if (talk.tools) return talk.system ? { ...talk, system: `${talk.system}\n` } : talk;
  if (talk.system.includes("detailed thinking on") || talk.system.includes(added)) return talk;
  return { ...talk, system: talk.system ? `${talk.system}\n${added}` : added };
}
