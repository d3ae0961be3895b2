/**
 * System and messages of a request for a message, block by block, as messages of a chat.
 * @module
 */
import { z } from "zod";

import { badRequest } from "../api_error.ts";
import { writePyJson } from "../../../formats/python_json.ts";
import { jsonOf } from "../chat/messages.ts";
import type { ChatRequest } from "../fields/fields.ts";
import { givenMap } from "../fields/given_map.ts";
import { readTyped } from "../fields/typed_items.ts";
import { cacheMark, type CountRequest, textBlock } from "./fields.ts";

/** The chat's messages, and where each of them begins. */
export interface BlockConversation {
  /** In order, the system's in front. */
  messages: ChatRequest["messages"];
  /** Such as `messages[2]`, or `system`, for errors. */
  places: string[];
  /** True if the last message is the answer's own beginning. */
  continues: boolean;
  /** Names of given fields of blocks that have no effect, such as `messages.content.cache_control`. */
  unused: string[];
}

const NO_TOOLSETS = "tools are offered one by one: leave it out";

const SYSTEM = { text: textBlock };

const USER = {
  text: textBlock,
  tool_result: z.strictObject({
    type: z.literal("tool_result"),
    tool_use_id: z.string().min(1),
    content: z.union([z.string(), z.array(z.unknown())], "needs a text or a list of blocks").nullish(),
    is_error: z.boolean().nullish(),
    toolset_name: z.null(NO_TOOLSETS).optional(),
    ...cacheMark,
  }),
  mid_conv_system: z.strictObject({
    type: z.literal("mid_conv_system"),
    content: z.array(textBlock),
    ...cacheMark,
  }),
};

const ASSISTANT = {
  text: textBlock,
  thinking: z.strictObject({
    type: z.literal("thinking"),
    thinking: z.string(),
    signature: z.string().nullish(),
  }),
  tool_use: z.strictObject({
    type: z.literal("tool_use"),
    id: z.string().min(1),
    name: z.string().min(1),
    input: givenMap,
    toolset_name: z.null(NO_TOOLSETS).optional(),
    caller: z.strictObject({ type: z.literal("direct", "only the model calls tools here") }).nullish(),
    ...cacheMark,
  }),
};

const BLOCKS = { user: USER, assistant: ASSISTANT, system: SYSTEM };

type Block = z.output<
  | typeof USER[keyof typeof USER]
  | typeof ASSISTANT[keyof typeof ASSISTANT]
>;

const ALONE = "the model reads texts alone";

const INSTEAD = {
  image: ALONE,
  document: `${ALONE}: write it as a block of type text`,
  search_result: `${ALONE}: write it as a block of type text`,
  redacted_thinking: "thoughts that another server sealed can't be read here: leave the block out",
  server_tool_use: "only tools of the client's own are called here: leave the block and its result out",
};

/** A message of the chat while its blocks come. */
interface Turn {
  role: "system" | "user" | "assistant" | "tool";
  place: string;
  texts: string[];
  thought: string;
  calls: { id: string; type: "function"; function: { name: string; arguments: string } }[];
  /** Of a tool's result. */
  fields: Record<string, unknown>;
}

/**
 * The conversation of a request. What one side says in a row is one message; results of tools are messages of their own.
 * @throws {ApiError} 400 if a block is none that is read here, or the last message is no beginning of an answer
 */
export function readBlocks(
  { system, messages }: Pick<CountRequest, "system" | "messages">,
): BlockConversation {
  const turns: Turn[] = [], unused = new Set<string>();
  const begin = (role: Turn["role"], place: string, fields: Turn["fields"] = {}): Turn => {
    const turn: Turn = { role, place, texts: [], thought: "", calls: [], fields };
    turns.push(turn);
    return turn;
  };
  const turnOf = (role: "user" | "assistant", place: string): Turn => {
    const last = turns.at(-1);
    return last?.role === role ? last : begin(role, place);
  };
  const note = (block: Block) => {
    if (block.type !== "thinking" && block.cache_control != null) {
      unused.add("messages.content.cache_control");
    }
    if (block.type === "text" && block.citations != null) unused.add("messages.content.citations");
    if (block.type === "thinking" && (block.signature ?? "") !== "") unused.add("messages.content.signature");
    return block;
  };
  const textsOf = (content: string | readonly unknown[], place: string): string[] =>
    typeof content === "string" ? [content] : content.map((each, i) => {
      const block = note(blockOf(SYSTEM, each, `${place}[${i}]`));
      return block.type === "text" ? block.text : "";
    });

  if (system != null && system.length > 0) {
    begin("system", "system").texts.push(
      ...typeof system === "string" ? [system] : system.map(({ text }) => text),
    );
  }
  messages.forEach(({ role, content }, i) => {
    const place = `messages[${i}]`;
    if (role === "system") {
      begin("system", place).texts.push(...textsOf(content, `${place}.content`));
      return;
    }
    if (content.length === 0) turnOf(role, place);
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
    blocks.forEach((each, j) => {
      const at = `${place}.content[${j}]`, block = note(blockOf(BLOCKS[role], each, at));
      switch (block.type) {
        case "text":
          turnOf(role, place).texts.push(block.text);
          return;
        case "thinking":
          turnOf("assistant", place).thought += block.thinking;
          return;
        case "tool_use": {
          const { id, name, input } = block;
          turnOf("assistant", place).calls.push({
            id,
            type: "function",
            function: { name, arguments: inputText(input, at) },
          });
          return;
        }
        case "tool_result": {
          const { tool_use_id: tool_call_id, is_error } = block;
          begin("tool", at, { tool_call_id, ...(is_error === true && { is_error }) })
            .texts.push(...textsOf(block.content ?? "", `${at}.content`));
          return;
        }
        case "mid_conv_system":
          begin("system", at).texts.push(...textsOf(block.content, `${at}.content`));
      }
    });
  });
  const continues = continuesLast(turns);
  return {
    messages: turns.map(messageOf),
    places: turns.map(({ place }) => place),
    continues,
    unused: [...unused],
  };
}

/** A call's arguments as the client wrote them. @throws {ApiError} 400 if they are nested too deep, or aren't texts */
function inputText(input: Record<string, unknown>, place: string): string {
  return writePyJson(jsonOf(input, `${place}.input`));
}

function blockOf(
  schemas: Readonly<Record<string, z.ZodObject>>,
  block: unknown,
  place: string,
): Block {
  const type = (block as { type?: unknown } | null)?.type;
  return readTyped(schemas, block, { place, type, instead: INSTEAD }) as Block;
}

/** True if the answer goes on from the last message; an empty one is taken away. */
function continuesLast(turns: Turn[]): boolean {
  const last = turns.at(-1);
  if (last?.role !== "assistant") return false;
  const refuse = (why: string): never => {
    throw badRequest(`Cannot answer behind ${last.place}, which is the assistant's own: ${why}`, last.place);
  };
  if (last.calls.length > 0) {
    refuse("it calls tools; send their results as a user's blocks of type tool_result");
  }
  if (last.texts.join("") !== "") return true;
  if (last.thought !== "") refuse("it ends in a thought; leave it out, or add the beginning of the answer");
  turns.pop();
  if (turns.length === 0) throw badRequest("Cannot answer the messages: nothing is said in them", "messages");
  return false;
}

function messageOf({ role, texts, thought, calls, fields }: Turn): ChatRequest["messages"][number] {
  const [only] = texts;
  const content = texts.length > 1 ? texts.map((text) => ({ type: "text", text })) : only;
  return {
    role,
    content: content ?? (role === "assistant" ? null : ""),
    ...fields,
    ...(thought !== "" && { reasoning: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
