/**
 * The input of a request for a response, as messages of a chat.
 * @module
 */
import { z } from "zod";

import type { ChatRequest } from "../fields/fields.ts";
import { readTyped } from "../fields/typed_items.ts";
import type { ResponseRequest } from "./fields.ts";

type ChatMessage = ChatRequest["messages"][number];

/** Messages of a chat, and the item of the input that each began with, for errors. */
export interface InputMessages {
  /** In order, with instructions in front. */
  messages: ChatMessage[];
  /** Such as `input[2]`. */
  places: string[];
}

const about = { id: z.string().nullish(), status: z.string().nullish() };
const parts = z.array(z.looseObject({ type: z.string() }));
const content = z.union([z.string(), parts], "needs a text or a list of parts");

const ITEMS = {
  message: z.strictObject({
    ...about,
    type: z.literal("message").optional(),
    role: z.enum(
      ["user", "assistant", "system", "developer"],
      "needs user, assistant, system or developer; results of tools are items of type function_call_output",
    ),
    content,
    phase: z.enum(["commentary", "final_answer"]).nullish(),
  }),
  function_call: z.strictObject({
    ...about,
    type: z.literal("function_call"),
    call_id: z.string().min(1),
    name: z.string().min(1),
    arguments: z.string(),
  }),
  function_call_output: z.strictObject({
    ...about,
    type: z.literal("function_call_output"),
    call_id: z.string().min(1),
    output: content,
  }),
  reasoning: z.strictObject({
    ...about,
    type: z.literal("reasoning"),
    summary: z.array(z.looseObject({ text: z.string() })).nullish(),
    content: z.array(z.looseObject({ text: z.string() })).nullish(),
    encrypted_content: z.null("thoughts that another server sealed can't be read here: leave the item out")
      .optional(),
  }),
};

const INSTEAD = { item_reference: "nothing is kept here: send the item itself" };

/**
 * Messages of instructions and input. What the model did in one turn (thoughts, a message, calls) is one message.
 * @throws {ApiError} 400 if an item is none that is read here
 */
export function inputMessages({ instructions, input }: ResponseRequest): InputMessages {
  const messages: ChatMessage[] = [], places: string[] = [];
  const add = (message: ChatMessage, place: string) => {
    messages.push(message);
    places.push(place);
  };
  if (instructions != null) add({ role: "system", content: instructions }, "instructions");
  if (typeof input === "string") {
    add({ role: "user", content: input }, "input");
    return { messages, places };
  }
  /** The model's own turn that later items belong to. */
  let turn: ChatMessage | null = null;
  const turnAt = (place: string): ChatMessage => {
    if (turn !== null) return turn;
    turn = { role: "assistant", content: null };
    add(turn, place);
    return turn;
  };
  input.forEach((item, i) => {
    const place = `input[${i}]`;
    const read = readTyped(ITEMS, item, { place, type: item["type"] ?? "message", instead: INSTEAD });
    switch (read.type) {
      case "reasoning": {
        const thought = [...read.content ?? []].map(({ text }) => text).join("");
        if (turn?.["content"] != null || turn?.["tool_calls"] != null) turn = null;
        if (thought !== "") turnAt(place)["reasoning"] = thought;
        return;
      }
      case "function_call": {
        const { call_id: id, name, arguments: given } = read, of = turnAt(place);
        const call = { id, type: "function", function: { name, arguments: given } };
        of["tool_calls"] = [...of["tool_calls"] as unknown[] ?? [], call];
        return;
      }
      case "function_call_output":
        turn = null;
        return add({ role: "tool", tool_call_id: read.call_id, content: bare(read.output) }, place);
      default:
        if (read.role !== "assistant") {
          turn = null;
          return add({ role: read.role, content: bare(read.content) }, place);
        }
        if (turn?.["content"] != null || turn?.["tool_calls"] != null) turn = null;
        turnAt(place)["content"] = bare(read.content);
    }
  });
  return { messages, places };
}

/** Contents without what replies add to their own texts; one text is a text. */
function bare(content: z.output<typeof ITEMS.message>["content"]): unknown {
  if (typeof content === "string") return content;
  const kept = content.map(({ annotations: _, logprobs: __, ...part }) => part);
  const [only] = kept;
  return kept.length === 1 && only?.type === "output_text" && typeof only["text"] === "string"
    ? only["text"]
    : kept;
}
