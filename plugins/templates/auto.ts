/**
 * `template: auto`: the model's own chat template, rendered. What is learnt is known by construction: an answer is what the
 * rendered conversation has more than the rendered prompt.
 * @module
 */
import { Template as Jinja } from "@huggingface/jinja";

import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { type TemplateOptions, templateOptions } from "./options.ts";
import { checkConversation, checkPrompt } from "./roles.ts";
import type { EncodedTurn, Template, TurnOptions } from "../kinds/template.ts";
import { data, encodeParts, own, type Part, specialPattern } from "./text.ts";
import { parseCalls, parseTools } from "./tool_formats.ts";
import { writePyJson } from "./python_json.ts";

/** The plugin. */
export const auto: Plugin<"template", typeof templateOptions> = definePlugin({
  kind: "template",
  name: "auto",
  version: "1",
  description: "the model's own chat template, from its tokenizer files",
  options: templateOptions,
  create: autoTemplate,
});

/** The template itself. */
export function autoTemplate(options: TemplateOptions): Template {
  return new AutoTemplate(options);
}

class AutoTemplate implements Template {
  readonly name = "auto";
  readonly stopWords: readonly string[] = [];
  readonly replaceEos = false;
  readonly defaultSystem: string;
  readonly #options: TemplateOptions;
  readonly #compiled = new WeakMap<Tokenizer, Jinja>();
  readonly #checked = new WeakSet<Jinja>();

  constructor(options: TemplateOptions) {
    this.#options = options;
    this.defaultSystem = options.default_system ?? "";
    if (options.tool_format !== null) {
      throw new RangeError(
        `Cannot use tool_format ${options.tool_format} as template auto: the model's own template writes tools. Name a template, or ` +
          `leave tool_format out`,
      );
    }
  }

  encodeTurns(
    tokenizer: Tokenizer,
    messages: readonly Message[],
    system: string,
    tools: string,
    options: TurnOptions = {},
  ): EncodedTurn[] {
    checkConversation(messages, this.name);
    if (options.maskHistory === true) return [this.#lastTurn(tokenizer, messages, system, tools)];
    const conversation = this.#conversation(tokenizer, messages, system, tools, true);
    const turns: EncodedTurn[] = [];
    let done = "";
    for (let i = 1; i < messages.length; i += 2) {
      const prompt = conversation.prompt(i), whole = conversation.whole(i + 1);
      turns.push({
        source: conversation.encode(rest(prompt, done, "the turns before it", i)),
        target: conversation.encode(rest(whole, prompt, "its own prompt", i)),
      });
      done = whole;
    }
    return turns;
  }

  encodeOneTurn(
    tokenizer: Tokenizer,
    messages: readonly Message[],
    system: string,
    tools: string,
  ): EncodedTurn[] {
    checkConversation(messages, this.name);
    return [this.#lastTurn(tokenizer, messages, system, tools)];
  }

  encodePrompt(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): number[] {
    checkPrompt(messages, this.name);
    const conversation = this.#conversation(tokenizer, messages, system, tools);
    return conversation.encode(conversation.prompt(messages.length));
  }

  #lastTurn(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): EncodedTurn {
    const conversation = this.#conversation(tokenizer, messages, system, tools, true);
    const last = messages.length - 1;
    const prompt = conversation.prompt(last), whole = conversation.whole(messages.length);
    return {
      source: conversation.encode(prompt),
      target: conversation.encode(rest(whole, prompt, "its own prompt", last)),
    };
  }

  #conversation(
    tokenizer: Tokenizer,
    messages: readonly Message[],
    system: string,
    tools: string,
    hasAnswer = false,
  ): Conversation {
    let jinja = this.#compiled.get(tokenizer);
    if (jinja === undefined) this.#compiled.set(tokenizer, jinja = compile(tokenizer));
    if (hasAnswer && !this.#checked.has(jinja)) {
      checkHeader(jinja, tokenizer);
      this.#checked.add(jinja);
    }
    const options = this.#options;
    return new Conversation(jinja, tokenizer, messages, system || this.defaultSystem, tools, options);
  }
}

function compile(tokenizer: Tokenizer): Jinja {
  if (tokenizer.chatTemplate === null) {
    throw new RangeError(
      "Cannot use template auto: the model's files have no chat template (a base model?). Name a template, such as `template: default`",
    );
  }
  try {
    return new Jinja(tokenizer.chatTemplate);
  } catch (error) {
    throw new SyntaxError(`Cannot read the model's own chat template as Jinja: ${(error as Error).message}`);
  }
}

/** Some templates put an assistant header behind every conversation; it would be learnt as part of the answer. */
function checkHeader(jinja: Jinja, tokenizer: Tokenizer): void {
  const question = { role: "user", content: "q" }, answer = { role: "assistant", content: "a" };
  const shown = (messages: unknown[], add_generation_prompt: boolean) =>
    renderWith(jinja, tokenizer, { messages, add_generation_prompt });
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

function renderWith(jinja: Jinja, tokenizer: Tokenizer, context: Record<string, unknown>): string {
  const token = (id: number | null) => id === null ? "" : tokenizer.idToToken(id) ?? "";
  try {
    return jinja.render({
      bos_token: token(tokenizer.bosId),
      eos_token: token(tokenizer.eosId),
      pad_token: token(tokenizer.padId),
      unk_token: token(tokenizer.unkId),
      ...context,
    });
  } catch (error) {
    throw new RangeError(`Cannot render the model's own chat template: ${(error as Error).message}`);
  }
}

function rest(whole: string, start: string, what: string, index: number): string {
  if (whole.startsWith(start)) return whole.slice(start.length);
  let at = 0;
  while (whole[at] === start[at]) at++;
  const show = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 20), at + 30));
  throw new RangeError(
    `Cannot mask labels by the model's own chat template (template: auto): message ${index} changes how ${what} is rendered, ` +
      `${show(start)} becomes ${
        show(whole)
      }. Learn the last answer only (mask_history: true), or name a template`,
  );
}

/**
 * One conversation, rendered as far as asked for. Special-token text of the data is replaced by marks while rendering, so that it can be
 * told from the template's own afterwards.
 */
class Conversation {
  readonly #render: (count: number, add_generation_prompt: boolean) => string;
  readonly #tokenizer: Tokenizer;
  readonly #split: boolean;
  readonly #marks: readonly string[];
  readonly #mark: string;

  constructor(
    jinja: Jinja,
    tokenizer: Tokenizer,
    messages: readonly Message[],
    system: string,
    tools: string,
    options: TemplateOptions,
  ) {
    this.#tokenizer = tokenizer;
    this.#split = options.split_special_tokens;
    const marks: string[] = [];
    const texts = [system, tools, ...messages.map((message) => message.content)];
    const mark = freeCharacter(texts);
    this.#marks = marks;
    this.#mark = mark;
    const special = this.#split ? specialPattern(tokenizer) : null;
    const hide = (text: string) =>
      special === null ? text : text.replace(special, (token) => {
        if (!marks.includes(token)) marks.push(token);
        return `${mark}${marks.indexOf(token)}${mark}`;
      });
    const shown = messages.map((message) => toRecord(message, hide));
    const front = system === "" ? [] : [{ role: "system", content: hide(system) }];
    const definitions = tools === ""
      ? []
      : parseTools(hide(tools)).map((tool) => JSON.parse(writePyJson(tool)));
    this.#render = (count, add_generation_prompt) =>
      renderWith(jinja, tokenizer, {
        messages: [...front, ...shown.slice(0, count)],
        add_generation_prompt,
        date_string: options.date,
        ...(definitions.length === 0 ? {} : { tools: definitions }),
        ...(options.enable_thinking === null ? {} : { enable_thinking: options.enable_thinking }),
      });
  }

  /** The first `count` messages and an assistant header. */
  prompt(count: number): string {
    return this.#render(count, true);
  }

  /** The first `count` messages. */
  whole(count: number): string {
    return this.#render(count, false);
  }

  /** Ids of rendered text. */
  encode(text: string): number[] {
    // every second piece is the number of a hidden token
    const parts = text.split(this.#mark).map((piece, i): Part =>
      i % 2 === 0 ? own(piece) : data(this.#marks[Number(piece)]!)
    );
    return encodeParts(this.#tokenizer, parts, this.#split);
  }
}

/** A private-use character that no text has. */
function freeCharacter(texts: readonly string[]): string {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const char = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(char))) return char;
  }
  throw new RangeError("Cannot encode a text as template auto: it uses all 6400 private-use characters");
}

function toRecord(message: Message, hide: (text: string) => string): Record<string, unknown> {
  if (message.role !== "function") return { role: message.role, content: hide(message.content) };
  const calls = parseCalls(hide(message.content)).map((call) => ({
    type: "function",
    function: { name: call.name, arguments: JSON.parse(writePyJson(call.arguments)) },
  }));
  return { role: "assistant", content: "", tool_calls: calls };
}
