/**
 * Finds what a model's own chat template leaves out of a conversation.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import { MESSAGE_PARTS, type MessagePart } from "../kinds/template.ts";
import type { JinjaTemplate } from "./jinja/mod.ts";
import type { TemplateOptions } from "./options.ts";
import { RenderedConversation } from "./rendered.ts";

/** A word that stands in no template. */
const WORD = "zyxprobe";

const QUESTION: Message = { role: "user", content: "q" };
const CALLS = `[{"name": "${WORD}", "arguments": {}}]`;

/** Conversations whose word is found again where the part is written. */
const PROBES: Readonly<Record<MessagePart, { messages: Message[]; tools: string }>> = {
  thoughts: { messages: [QUESTION, { role: "assistant", content: "a", thought: WORD }], tools: "" },
  "tool calls": { messages: [QUESTION, { role: "function", content: CALLS }], tools: "" },
  "words beside tool calls": {
    messages: [QUESTION, { role: "function", content: CALLS.replace(WORD, "f"), said: WORD }],
    tools: "",
  },
  tools: {
    messages: [QUESTION, { role: "assistant", content: "a" }],
    tools:
      `[{"type": "function", "function": {"name": "${WORD}", "parameters": {"type": "object", "properties": {}}}}]`,
  },
};

/** The parts that are not in what the template renders; one that it refuses isn't among them. */
export function ignoredParts(
  jinja: JinjaTemplate,
  tokenizer: Tokenizer,
  options: TemplateOptions,
): MessagePart[] {
  return MESSAGE_PARTS.filter((part) => {
    const { messages, tools } = PROBES[part];
    const rendered = new RenderedConversation(jinja, { tokenizer, messages, system: "", tools }, options);
    try {
      return !rendered.whole(messages.length).includes(WORD);
    } catch {
      return false;
    }
  });
}
