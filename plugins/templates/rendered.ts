/**
 * Conversations rendered by a model's own chat template.
 * @module
 */
import { item } from "../../formats/elements.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import type { EncodeInput } from "./checked.ts";
import { compileTemplate, type JinjaTemplate, StepLimitError, TemplateError } from "./jinja/mod.ts";
import type { TemplateOptions } from "./options.ts";
import { parsePyJson, type PyJson } from "../../formats/python_json.ts";
import { data, encodeTextParts, ownText, specialPattern, type TextPart } from "./text.ts";
import { parseCalls, parseTools } from "./tool_formats.ts";

/** Names under which models' templates look for what was thought before an answer; transformers fills the first two. */
const THOUGHT_FIELDS = ["reasoning_content", "thinking", "reasoning"];

/**
 * Reads the chat template of a model.
 * @throws {RangeError} If it has none.
 * @throws {Error} If it can't be read.
 */
export function compileOwn(tokenizer: Tokenizer): JinjaTemplate {
  if (tokenizer.chatTemplate === null) {
    throw new RangeError(
      "Cannot use template auto: the model's files have no chat template (a base model?). Name a template, such as `template: default`",
    );
  }
  try {
    return compileTemplate(tokenizer.chatTemplate);
  } catch (error) {
    throw new Error(`Cannot read the model's own chat template as Jinja: ${(error as Error).message}`);
  }
}

/**
 * Renders with the variables that transformers gives to a chat template.
 * @param today Such as "26 Jul 2024".
 * @throws {RangeError} If the template refuses the messages.
 * @throws {Error} If it takes too long.
 */
export function renderWith(
  jinja: JinjaTemplate,
  tokenizer: Tokenizer,
  today: string,
  variables: ReadonlyMap<string, PyJson>,
): string {
  const special = [
    ["bos_token", tokenizer.bosId],
    ["eos_token", tokenizer.eosId],
    ["pad_token", tokenizer.padId],
    ["unk_token", tokenizer.unkId],
  ] as const;
  const tokens = special.flatMap(([name, id]): [string, PyJson][] => {
    const token = id === null ? null : tokenizer.idToToken(id);
    return token === null ? [] : [[name, token]];
  });
  try {
    return jinja.render(new Map([...tokens, ["tools", null], ["documents", null], ...variables]), today);
  } catch (error) {
    const message = `Cannot render the model's own chat template: ${(error as Error).message}`;
    // a template that never ends is no fault of one row
    if (error instanceof StepLimitError) {
      throw new Error(`${message}. Name a template instead, such as \`template: chatml\``);
    }
    throw error instanceof TemplateError ? new RangeError(message) : error;
  }
}

/**
 * Special-token text of the data, replaced by marks while a template renders it, so that it can be told from the template's own
 * afterwards.
 */
export class HiddenTokens {
  readonly #tokenizer: Tokenizer;
  readonly #split: boolean;
  readonly #special: RegExp | null;
  readonly #marks: string[] = [];
  /** The character around the numbers that stand for hidden tokens. */
  readonly mark: string;

  /**
   * @param texts All texts that are to be hidden in
   * @param split false: special-token text of the data becomes special tokens, and nothing is hidden
   */
  constructor(tokenizer: Tokenizer, split: boolean, texts: readonly (string | undefined)[]) {
    this.#tokenizer = tokenizer;
    this.#split = split;
    this.#special = split ? specialPattern(tokenizer) : null;
    this.mark = freeCharacter(texts);
  }

  /** A text with marks in place of special tokens. */
  hide(text: string): string {
    return this.#special === null ? text : text.replace(this.#special, (token) => {
      if (!this.#marks.includes(token)) this.#marks.push(token);
      return `${this.mark}${this.#marks.indexOf(token)}${this.mark}`;
    });
  }

  /** Ids of rendered text. */
  encode(text: string): number[] {
    // every second piece is the number of a hidden token
    const parts = text.split(this.mark).map((piece, i): TextPart =>
      i % 2 === 0 ? ownText(piece) : data(item(this.#marks, Number(piece)))
    );
    return encodeTextParts(this.#tokenizer, parts, this.#split);
  }
}

/** One conversation, rendered as far as asked for. */
export class RenderedConversation {
  readonly #render: (count: number, addPrompt: boolean) => string;
  readonly #hidden: HiddenTokens;

  /** Renders nothing yet. */
  constructor(
    jinja: JinjaTemplate,
    { tokenizer, messages, system, tools, variables }: EncodeInput,
    options: TemplateOptions,
  ) {
    const hidden = new HiddenTokens(tokenizer, options.split_special_tokens, [
      system,
      tools,
      variables,
      ...messages.flatMap((message) => message.results ?? [message])
        .flatMap(({ content, said, thought, fields }) => [content, said, thought, fields]),
    ]);
    this.#hidden = hidden;
    const hide = (text: string) => hidden.hide(text);
    const shown = messages.map((message) =>
      (message.results ?? [message]).map((each) => toRecord(each, hide))
    );
    const front = system === "" ? [] : [new Map([["role", "system"], ["content", hide(system)]])];
    const definitions = tools === "" ? [] : parseTools(hide(tools));
    const given = variables === undefined ? new Map<string, PyJson>() : parsePyJson(hide(variables));
    this.#render = (count, addPrompt) =>
      renderWith(
        jinja,
        tokenizer,
        options.date,
        new Map<string, PyJson>([
          ["date_string", options.date],
          ...(options.enable_thinking === null
            ? []
            : [["enable_thinking", options.enable_thinking] as [string, PyJson]]),
          ...given as Map<string, PyJson>,
          ["messages", [...front, ...shown.slice(0, count).flat()]],
          ["add_generation_prompt", addPrompt],
          ["tools", definitions.length === 0 ? null : definitions],
        ]),
      );
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
    return this.#hidden.encode(text);
  }
}

/** A private-use character that no text has. @throws {RangeError} If the texts use all 6400 of them */
export function freeCharacter(texts: readonly (string | undefined)[]): string {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const char = String.fromCharCode(code);
    if (!texts.some((text) => text?.includes(char))) return char;
  }
  throw new RangeError("Cannot encode a text as template auto: it uses all 6400 private-use characters");
}

/** A message as transformers gives it to a template: what is null isn't there, a thought is there under each of its names. */
function toRecord(message: Message, hide: (text: string) => string): Map<string, PyJson> {
  const isCall = message.role === "function";
  const record = new Map<string, PyJson>([["role", isCall ? "assistant" : message.role]]);
  // templates of models such as Qwen3 look into the content of a call too
  record.set("content", hide(isCall ? message.said ?? "" : message.content));
  const fields = message.fields === undefined ? new Map() : parsePyJson(hide(message.fields));
  for (const [name, value] of fields as Map<string, PyJson>) if (value !== null) record.set(name, value);
  if (isCall && !record.has("tool_calls")) {
    record.set(
      "tool_calls",
      parseCalls(hide(message.content)).map((call) =>
        new Map<string, PyJson>([["type", "function"], [
          "function",
          new Map<string, PyJson>([...Object.entries(call)]),
        ]])
      ),
    );
  }
  return withThought(record, message.thought === undefined ? undefined : hide(message.thought));
}

/** A message whose thought is there under each of its names. */
export function withThought(record: Map<string, PyJson>, given?: string): Map<string, PyJson> {
  const thought = THOUGHT_FIELDS.map((name) => record.get(name)).find((value) => value !== undefined) ??
    given;
  if (thought === undefined) return record;
  const named = new Map(record).set("reasoning_content", thought);
  return named.has("thinking") ? named : named.set("thinking", thought);
}
