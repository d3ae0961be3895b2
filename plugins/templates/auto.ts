/**
 * `template: auto`: the model's own chat template, rendered. What is learnt is known by construction: an answer is what the
 * rendered conversation has more than the rendered prompt.
 * @module
 */
import type { EditableTokenizer, Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import type { AskedChat, EncodedTurn, Template } from "../kinds/template.ts";
import { encodeAsked } from "./asked.ts";
import { checkedTemplate, type EncodeInput, type Encoders } from "./checked.ts";
import { ignoredParts } from "./ignored.ts";
import type { JinjaTemplate } from "./jinja/mod.ts";
import { type TemplateOptions, templateOptions } from "./options.ts";
import type { PyJson } from "../../formats/python_json.ts";
import { compileOwn, RenderedConversation, renderWith } from "./rendered.ts";
import { trainedOwn } from "./trained.ts";

/** The plugin `auto`; see the module's text. */
export const auto: Plugin<"template", typeof templateOptions> = definePlugin({
  kind: "template",
  name: "auto",
  version: "2",
  description: "the model's own chat template, from its tokenizer files",
  options: templateOptions,
  create: autoTemplate,
});

/**
 * The template itself.
 * @throws {RangeError} If `tool_format` is given, which the model's own template decides.
 */
export function autoTemplate(options: TemplateOptions): Template {
  if (options.tool_format !== null) {
    throw new RangeError(
      `Cannot use tool_format ${options.tool_format} as template auto: the model's own template writes tools. Name a template, or ` +
        `leave tool_format out`,
    );
  }
  const defaultSystem = options.default_system ?? "";
  const compiled = new CompiledTemplates(options.date);
  return checkedTemplate({
    name: "auto",
    stopWords: [],
    replaceEos: false,
    defaultSystem,
    trainedJinja: (tokenizer: EditableTokenizer) => trainedOwn(tokenizer, options),
    encodeChat: (tokenizer: Tokenizer, chat: AskedChat) =>
      encodeAsked(compiled.of(tokenizer), tokenizer, withSystem(chat, defaultSystem), options),
    readsVariable: (tokenizer: Tokenizer, name: string) => namesVariable(tokenizer.chatTemplate ?? "", name),
    ignores: (tokenizer: Tokenizer) => ignoredParts(compiled.of(tokenizer), tokenizer, options),
  }, renderedEncoders(compiled, options));
}

/** Models' own templates, each read once and, before answers are learnt by it, checked once. */
class CompiledTemplates {
  readonly #compiled = new WeakMap<Tokenizer, JinjaTemplate>();
  readonly #checked = new WeakSet<JinjaTemplate>();

  /** @param today The date that templates are rendered with */
  constructor(private readonly today: string) {}

  of(tokenizer: Tokenizer): JinjaTemplate {
    const known = this.#compiled.get(tokenizer);
    if (known !== undefined) return known;
    const jinja = compileOwn(tokenizer);
    this.#compiled.set(tokenizer, jinja);
    return jinja;
  }

  /** @throws {RangeError} If its answers have no clear end */
  withAnswersOf(tokenizer: Tokenizer): JinjaTemplate {
    const jinja = this.of(tokenizer);
    if (this.#checked.has(jinja)) return jinja;
    checkHeader(jinja, tokenizer, this.today);
    this.#checked.add(jinja);
    return jinja;
  }
}

function renderedEncoders(compiled: CompiledTemplates, options: TemplateOptions): Encoders {
  const rendered = (jinja: JinjaTemplate, conversation: EncodeInput): RenderedConversation => {
    const system = conversation.system || (options.default_system ?? "");
    return new RenderedConversation(jinja, { ...conversation, system }, options);
  };
  const answered = (conversation: EncodeInput) =>
    rendered(compiled.withAnswersOf(conversation.tokenizer), conversation);
  const lastTurn = (conversation: EncodeInput): EncodedTurn =>
    lastTurnOf(answered(conversation), conversation.messages.length);
  return {
    turns: (conversation, { maskHistory }) =>
      maskHistory === true
        ? [lastTurn(conversation)]
        : turnsOf(answered(conversation), conversation.messages.length),
    lastTurn,
    prompt: (conversation) => {
      const asked = rendered(compiled.of(conversation.tokenizer), conversation);
      return asked.encode(asked.prompt(conversation.messages.length));
    },
  };
}

/** @param count Messages of the conversation */
function lastTurnOf(rendered: RenderedConversation, count: number): EncodedTurn {
  const last = count - 1;
  const prompt = rendered.prompt(last), whole = rendered.whole(count);
  return {
    source: rendered.encode(prompt),
    target: rendered.encode(rest(whole, prompt, "its own prompt", last)),
  };
}

/** @param count Messages of the conversation, in turn of the user and the assistant */
function turnsOf(rendered: RenderedConversation, count: number): EncodedTurn[] {
  const turns: EncodedTurn[] = [];
  let done = "";
  for (let i = 1; i < count; i += 2) {
    const prompt = rendered.prompt(i), whole = rendered.whole(i + 1);
    turns.push({
      source: rendered.encode(rest(prompt, done, "the turns before it", i)),
      target: rendered.encode(rest(whole, prompt, "its own prompt", i)),
    });
    done = whole;
  }
  return turns;
}

/** True if a template's text has the name as a word. */
function namesVariable(text: string, name: string): boolean {
  return text.match(/[\p{L}\p{N}_]+/gu)?.includes(name) === true;
}

/** A chat with the system text of `default_system` in front where it has none of its own. */
function withSystem(chat: AskedChat, system: string): AskedChat {
  const role = chat.messages[0]?.get("role");
  if (system === "" || role === "system" || role === "developer") return chat;
  const first = new Map<string, PyJson>([["role", "system"], ["content", system]]);
  return { ...chat, messages: [first, ...chat.messages] };
}

/** Some templates put an assistant header behind every conversation; it would be learnt as part of the answer. */
function checkHeader(jinja: JinjaTemplate, tokenizer: Tokenizer, today: string): void {
  const question = new Map([["role", "user"], ["content", "q"]]);
  const answer = new Map([["role", "assistant"], ["content", "a"]]);
  const shown = (messages: Map<string, string>[], addPrompt: boolean) =>
    renderWith(
      jinja,
      tokenizer,
      today,
      new Map<string, PyJson>([["messages", messages], ["add_generation_prompt", addPrompt]]),
    );
  const prompt = shown([question], false);
  if (prompt !== shown([question], true)) return;
  const answered = shown([question, answer], false);
  const asked = shown([question, answer, question], false);
  if (!asked.startsWith(answered)) {
    throw new RangeError(
      "Cannot use template auto: the model's own chat template ignores add_generation_prompt and begins an answer behind every " +
        "conversation, so its answers have no clear end. Name a template instead, such as `template: llama3`",
    );
  }
}

function rest(whole: string, start: string, what: string, index: number): string {
  if (whole.startsWith(start)) return whole.slice(start.length);
  let same = 0;
  while (whole[same] === start[same]) same++;
  const show = (text: string) => JSON.stringify(text.slice(Math.max(0, same - 20), same + 30));
  throw new RangeError(
    `Cannot mask labels by the model's own chat template (template: auto): message ${index} changes how ${what} is rendered. ` +
      `Learn the last answer only (mask_history: true), or name a template: current value is ${
        show(start)
      }, then ${show(whole)}`,
  );
}
