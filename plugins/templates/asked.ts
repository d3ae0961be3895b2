/**
 * Chats that a server is asked to answer, as the model's own template writes them: messages in any order, taken or refused by the
 * template alone. What the template is given is what vLLM and llama.cpp's server give it.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { mapTexts, type PyJson } from "../../formats/python_json.ts";
import type { AskedChat } from "../kinds/template.ts";
import type { JinjaTemplate } from "./jinja/mod.ts";
import type { TemplateOptions } from "./options.ts";
import { freeCharacter, HiddenTokens, renderWith, withThought } from "./rendered.ts";

/** A word that stands in no template. */
const WORD = "zyxprobe";

/** Forms of contents that a template writes. */
interface ContentForms {
  /** Plain texts. */
  text: boolean;
  /** Lists of parts, each by its text. */
  parts: boolean;
}

const forms = new WeakMap<JinjaTemplate, ContentForms>();

/**
 * Ids of a chat.
 * @throws {RangeError} If the template refuses it, or leaves out the message that is to be continued
 */
export function encodeAsked(
  jinja: JinjaTemplate,
  tokenizer: Tokenizer,
  { messages, tools, addGenerationPrompt, continueFinalMessage, variables }: AskedChat,
  options: TemplateOptions,
): number[] {
  const texts: string[] = [];
  const collect = (text: string) => {
    texts.push(text);
    return text;
  };
  for (const value of [...messages, tools, new Map(variables)]) mapTexts(value, collect);
  const hidden = new HiddenTokens(tokenizer, options.split_special_tokens, texts);
  const hide = (value: PyJson) => mapTexts(value, (text) => hidden.hide(text));
  const found = forms.get(jinja) ?? contentForms(jinja, tokenizer, options);
  forms.set(jinja, found);
  const end = continueFinalMessage ? `${freeCharacter([...texts, hidden.mark])} ` : "";
  const records = messages.map((message, i) => {
    const record = withThought(hide(message) as Map<string, PyJson>);
    record.set("role", roleOf(record, tokenizer));
    const content = formed(record.get("content") ?? "", found);
    return record.set("content", i === messages.length - 1 ? withEnd(content, end) : content);
  });
  const given = new Map<string, PyJson>([
    ["date_string", options.date],
    ...(options.enable_thinking === null
      ? []
      : [["enable_thinking", options.enable_thinking] as [string, PyJson]]),
    ...hide(new Map(variables)) as Map<string, PyJson>,
    ["messages", records],
    ["add_generation_prompt", addGenerationPrompt],
    ["tools", tools === null || tools.length === 0 ? null : hide(tools)],
  ]);
  const rendered = renderWith(jinja, tokenizer, options.date, given);
  if (end === "") return hidden.encode(rendered);
  const last = records.at(-1)?.get("content"),
    text = Array.isArray(last) ? textOf(last.at(-1) ?? null) : last;
  return hidden.encode(upTo(rendered, String(text ?? "").slice(0, -end.length), end));
}

/** `developer` is what newer models of OpenAI call the system's messages: other models' templates pass over it, or refuse it. */
function roleOf(record: ReadonlyMap<string, PyJson>, tokenizer: Tokenizer): PyJson {
  const role = record.get("role") ?? "";
  return role === "developer" && tokenizer.chatTemplate?.includes("developer") !== true ? "system" : role;
}

/** The forms of contents that come out of the template; a text that it can't write at all is given as it is. */
function contentForms(jinja: JinjaTemplate, tokenizer: Tokenizer, { date }: TemplateOptions): ContentForms {
  const isWritten = (content: PyJson) => {
    const message = new Map<string, PyJson>([["role", "user"], ["content", content]]);
    const variables = new Map<string, PyJson>([["messages", [message]], ["add_generation_prompt", true]]);
    try {
      const rendered = renderWith(jinja, tokenizer, date, variables);
      // a list that is printed has its parts' names in it
      return rendered.includes(WORD) && !/(['"])type\1: \1text\1/.test(rendered);
    } catch {
      return false;
    }
  };
  return { text: isWritten(WORD), parts: isWritten([part(WORD)]) };
}

function part(text: string): Map<string, PyJson> {
  return new Map([["type", "text"], ["text", text]]);
}

/** A content in a form that the template writes: parts joined by line breaks as vLLM and llama.cpp join them, or a text as a part. */
function formed(content: PyJson, { text, parts }: ContentForms): PyJson {
  if (Array.isArray(content) && !parts) return content.map(textOf).join("\n");
  return typeof content === "string" && parts && !text ? [part(content)] : content;
}

function textOf(value: PyJson): string {
  const text = value instanceof Map ? value.get("text") : undefined;
  return typeof text === "string" ? text : "";
}

function withEnd(content: PyJson, end: string): PyJson {
  if (!Array.isArray(content)) return `${content}${end}`;
  const last = content.length - 1;
  return content.map((each, i) => i === last ? part(`${textOf(each)}${end}`) : each);
}

/**
 * Rendered text up to the mark that was put behind the last message, whose blank the template may have trimmed, as transformers
 * looks for it.
 */
function upTo(rendered: string, text: string, end: string): string {
  const found = rendered.lastIndexOf(end.trimEnd());
  if (found < 0 || !rendered.includes(text.trim())) {
    throw new RangeError(
      "Cannot continue the last message: the model's own chat template leaves out its text, or a part of it",
    );
  }
  const front = rendered.slice(0, found);
  return rendered.startsWith(end, found) ? front : front.trimEnd();
}
