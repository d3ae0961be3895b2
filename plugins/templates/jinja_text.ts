/**
 * Jinja text of a template described by data, the same text that LLaMA-Factory writes into tokenizer_config.json.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Slot, TemplateSpec } from "./spec.ts";

/** Blocks of a template, with defaults filled in. */
export type Blocks = Required<Pick<TemplateSpec, "prefix" | "system" | "user" | "assistant">>;

/**
 * The text. It names bos and eos of `tokenizer` instead of using `bos_token`, because these may be replaced later.
 * @param systemInUser The system text goes into the first user message.
 */
export function jinjaText(
  blocks: Blocks,
  defaultSystem: string,
  systemInUser: boolean,
  tokenizer: Tokenizer,
): string {
  const expression = (slots: readonly Slot[], content: string) =>
    slots.flatMap((slot) => terms(slot, content, tokenizer)).join(" + ");
  const prefix = expression(blocks.prefix, "content");
  const system = expression(blocks.system, "system_message");
  const user = expression(blocks.user, "content");
  const assistant = expression(blocks.assistant, "content");
  const first = systemInUser
    ? "{% if loop.index0 == 0 and system_message is defined %}" +
      `{% set content = ${system} + message['content'] %}` +
      "{% else %}{% set content = message['content'] %}{% endif %}"
    : "{% set content = message['content'] %}";
  return (prefix === "" ? "" : `{{ ${prefix} }}`) +
    (defaultSystem === "" ? "" : `{% set system_message = '${quote(defaultSystem)}' %}`) +
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}" +
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% endif %}" +
    (systemInUser ? "" : `{% if system_message is defined %}{{ ${system} }}{% endif %}`) +
    "{% for message in loop_messages %}" +
    first +
    "{% if message['role'] == 'user' %}" +
    `{{ ${user} }}` +
    "{% elif message['role'] == 'assistant' %}" +
    `{{ ${assistant} }}` +
    "{% endif %}{% endfor %}";
}

/** The expressions that write a slot. */
export function terms(slot: Slot, content: string, tokenizer: Tokenizer): string[] {
  if (typeof slot !== "string") {
    const id = slot.token === "bos" ? tokenizer.bosId : tokenizer.eosId;
    return id === null ? [] : [`'${tokenizer.idToToken(id)}'`];
  }
  const [before, after] = slot.split("{{content}}");
  return [
    ...(before ? [`'${quote(before)}'`] : []),
    ...(after === undefined ? [] : [content]),
    ...(after ? [`'${quote(after)}'`] : []),
  ];
}

function quote(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
