/**
 * Makes the template of a {@linkcode TemplateSpec}.
 * @module
 */
import { item, lastOf } from "../../formats/elements.ts";
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { compareTemplates } from "../kinds/tokenizer/compare_templates.ts";
import { autoTemplate } from "./auto.ts";
import { checkedTemplate, type EncodeInput, type Encoders } from "./checked.ts";
import { jinjaText } from "./jinja_text.ts";
import { type TemplateOptions, templateOptions } from "./options.ts";
import { EOS, type Slot, type TemplateSpec, THOUGHT } from "./spec.ts";
import { checkSpec } from "./spec_fault.ts";
import type { EncodedTurn, Template, TurnOptions } from "../kinds/template.ts";
import { trainedOwn } from "./trained.ts";
import { type AllBlocks, trainedSpec } from "./trained_spec.ts";
import { data, encodePieces, ownText, type Piece, type TextPart } from "./text.ts";
import { lacksThought, removeThought } from "./thoughts.ts";
import { parseCalls, parseTools, toolFormats } from "./tool_formats.ts";

/** Change it when ids change. */
const VERSION = "2";

/**
 * A plugin for a template described by data.
 * @throws {TypeError} If a slot has no place for its message, or a field isn't one of a spec's
 */
export function templatePlugin(spec: TemplateSpec): Plugin<"template", typeof templateOptions> {
  checkSpec(spec);
  return definePlugin({
    kind: "template",
    name: spec.name,
    version: VERSION,
    description: spec.description,
    options: templateOptions,
    create: (options) => specTemplate(spec, options),
  });
}

/** The template of a spec. */
function specTemplate(spec: TemplateSpec, options: TemplateOptions): Template {
  const encoder = new SpecEncoder(spec, options);
  const jinja = (tokenizer: Tokenizer) =>
    jinjaText(encoder.blocks, encoder.defaultSystem, spec.systemInUser ?? false, tokenizer);
  const template: Template = checkedTemplate({
    name: spec.name,
    stopWords: spec.stopWords ?? [],
    replaceEos: spec.replaceEos ?? false,
    efficientEos: spec.efficientEos ?? false,
    replaceJinja: spec.replaceJinja ?? false,
    ...(spec.endOfText !== undefined && { endOfText: spec.endOfText }),
    defaultSystem: encoder.defaultSystem,
    jinja,
    trainedJinja: (tokenizer) => {
      // the model's own where it writes the same: it has tools too
      const own = autoTemplate({ ...options, tool_format: null });
      const isOwn = ![null, jinja(tokenizer)].includes(tokenizer.chatTemplate);
      const isSame = isOwn && compareTemplates(template, own, tokenizer) === null;
      return isSame ? trainedOwn(tokenizer, options) : trainedSpec(spec, tokenizer, {
        blocks: encoder.blocks,
        defaultSystem: encoder.defaultSystem,
        options,
      });
    },
  }, encoder);
  return template;
}

class SpecEncoder implements Encoders {
  readonly defaultSystem: string;
  readonly blocks: AllBlocks;
  readonly #spec: TemplateSpec;
  readonly #options: TemplateOptions;

  constructor(spec: TemplateSpec, options: TemplateOptions) {
    this.#spec = spec;
    this.#options = options;
    this.defaultSystem = options.default_system ?? spec.defaultSystem ?? "";
    const plain = ["{{content}}"], ended = spec.efficientEos ? plain : ["{{content}}", EOS];
    const assistant = spec.assistant ?? ended, user = spec.user ?? plain;
    this.blocks = {
      prefix: spec.prefix ?? [],
      system: spec.system ?? plain,
      user,
      assistant,
      call: options.tool_format === null ? spec.call ?? assistant : ended,
      tool: spec.tool ?? user,
    };
  }

  turns(conversation: EncodeInput, options: TurnOptions): EncodedTurn[] {
    const dropHistory = options.maskHistory === true && !this.#options.preserve_thinking;
    const cleaned = this.#cleaned(conversation.messages, dropHistory);
    const ids = this.#encode(conversation, cleaned);
    const turns: EncodedTurn[] = [];
    for (let i = 0; i < ids.length; i += 2) {
      const turn = { source: item(ids, i), target: item(ids, i + 1) };
      const isLast = i === ids.length - 2;
      turns.push(
        dropHistory && !isLast ? turn : this.#withThought(conversation.tokenizer, turn, item(cleaned, i + 1)),
      );
    }
    return turns;
  }

  lastTurn(conversation: EncodeInput): EncodedTurn {
    const cleaned = this.#cleaned(conversation.messages, !this.#options.preserve_thinking, true);
    const ids = this.#encode(conversation, cleaned);
    const turn = { source: ids.slice(0, -1).flat(), target: lastOf(ids) };
    return this.#withThought(conversation.tokenizer, turn, lastOf(cleaned));
  }

  prompt(conversation: EncodeInput): number[] {
    const messages: Message[] = [...conversation.messages, { role: "assistant", content: "" }];
    return this.lastTurn({ ...conversation, messages }).source;
  }

  /**
   * Messages without the thoughts that a reasoning template leaves out.
   * @param dropHistory Those of all answers but the last.
   * @param keepOthers `enable_thinking: false` takes thoughts out of the last answer only.
   */
  #cleaned(messages: readonly Message[], dropHistory: boolean, keepOthers = false): readonly Message[] {
    const words = this.#spec.thought;
    const whole = messages.map((message) => withInnerThought(message, words ?? THOUGHT));
    if (words === undefined) return whole;
    const dropAll = this.#options.enable_thinking === false;
    return whole.map((message, i) => {
      const isLast = i === whole.length - 1;
      const drop = i % 2 === 1 && (isLast ? dropAll : dropHistory || (dropAll && !keepOthers));
      return drop ? { ...message, content: removeThought(message.content, words) } : message;
    });
  }

  #withThought(tokenizer: Tokenizer, turn: EncodedTurn, answer: Message): EncodedTurn {
    const words = this.#spec.thought;
    if (words === undefined || !lacksThought(answer.content, words)) return turn;
    const empty = encodePieces(tokenizer, [[ownText(words.join(""))]], this.#options.split_special_tokens);
    return this.#options.enable_thinking === true
      ? { source: turn.source, target: [...empty, ...turn.target] }
      : { source: [...turn.source, ...empty], target: turn.target };
  }

  /** Ids of each message; the first has prefix and system text in front. */
  #encode({ tokenizer, system, tools }: EncodeInput, messages: readonly Message[]): number[][] {
    return messages.map((message, i) => {
      const pieces = i === 0 ? this.#first(message, system, tools) : this.#message(message);
      return encodePieces(tokenizer, pieces, this.#options.split_special_tokens);
    });
  }

  #first(message: Message, system: string, tools: string): Piece[] {
    const prefix = fill(this.blocks.prefix, []);
    const content: TextPart[] = [data(system || this.defaultSystem), ...this.#toolText(tools)];
    if (content.length === 1 && item(content, 0).text === "") return [...prefix, ...this.#message(message)];
    const block = fill(this.blocks.system, content);
    if (!this.#spec.systemInUser) return [...prefix, ...block, ...this.#message(message)];
    return [...prefix, ...this.#message(message, block[0] as readonly TextPart[])];
  }

  #toolText(tools: string): TextPart[] {
    if (tools === "") return [];
    const list = parseTools(tools), { aroundTools } = this.#spec;
    if (aroundTools !== undefined && !this.#options.tool_format) {
      return [ownText(aroundTools[0]), data(tools), ownText(aroundTools[1])];
    }
    const format = toolFormats[this.#options.tool_format ?? this.#spec.tools ?? "default"];
    // a list without tools still makes a system block, as in LLaMA-Factory
    return list.length === 0 ? [ownText("")] : format.describe(list, { date: this.#options.date });
  }

  #message(message: Message, before: readonly TextPart[] = []): Piece[] {
    switch (message.role) {
      case "user":
        return fill(this.blocks.user, [...before, data(message.content)]);
      case "tool":
        return fill(this.blocks.tool, [data(message.content)]);
      case "assistant":
        return fill(this.blocks.assistant, [data(message.content)]);
      case "function":
        return fill(this.blocks.call, this.#calls(message));
      case "system":
        throw new RangeError(
          `Cannot use a system message within a conversation as template ${this.#spec.name}`,
        );
    }
  }

  /** Calls, with a thought or other words in front of them where the data has such. */
  #calls({ content, said = "" }: Message): TextPart[] {
    const { name, systemInUser, thought: marks = THOUGHT } = this.#spec;
    const format = toolFormats[this.#options.tool_format ?? this.#spec.tools ?? "default"];
    const [thought, calls, words] = partsOfCall(content, marks);
    if (systemInUser && thought + said + words !== "") {
      throw new RangeError(`Cannot write words beside tool calls: template ${name} has no place for them`);
    }
    const inFront = said === "" ? [] : [data(said), ownText("\n")];
    return [data(words), data(thought), ...inFront, ...format.call(parseCalls(calls))];
  }
}

/** A message whose thought stands in front of its content, as reasoning models write it. */
function withInnerThought(message: Message, [open, close]: readonly [string, string]): Message {
  if (message.thought === undefined) return message;
  const { thought, ...others } = message;
  const inner = thought.replace(/^\n+|\n+$/g, "");
  return { ...others, content: `${open}${inner}${close}${message.content.replace(/^\n+/, "")}` };
}

/** Thought, JSON and other words of a `function` message: the JSON alone, behind a thought, or within `<tool_call>`. */
function partsOfCall(
  content: string,
  [open, close]: readonly [string, string],
): [thought: string, calls: string, words: string] {
  const marked = /<tool_call>(.*?)<\/tool_call>/s.exec(content);
  if (marked !== null) return ["", item(marked, 1), content.replaceAll(marked[0], "")];
  const from = content.indexOf(open);
  const to = from < 0 ? -1 : content.indexOf(close, from + open.length);
  if (to < 0) return ["", content, ""];
  const thought = content.slice(from, to + close.length);
  return [thought, content.replaceAll(thought, ""), ""];
}

/** Slots with the content in the place of the first `{{content}}` of each; texts within the content stay as they are. */
function fill(slots: readonly Slot[], content: readonly TextPart[]): Piece[] {
  return slots.map((slot): Piece => {
    if (typeof slot !== "string") return slot.token;
    const start = slot.indexOf("{{content}}");
    if (start < 0) return [ownText(slot)];
    return [ownText(slot.slice(0, start)), ...content, ownText(slot.slice(start + "{{content}}".length))];
  });
}
