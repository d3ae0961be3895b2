/**
 * Makes the template of a {@linkcode TemplateSpec}.
 * @module
 */
import type { Tokenizer } from "../../formats/tokenizer/tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { type Blocks, jinjaText } from "./jinja_text.ts";
import { type TemplateOptions, templateOptions } from "./options.ts";
import { checkConversation, checkPrompt } from "./roles.ts";
import { EOS, type Slot, type TemplateSpec, THOUGHT } from "./spec.ts";
import type { EncodedTurn, Template, TurnOptions } from "../kinds/template.ts";
import { data, encodePieces, own, type Part, type Piece } from "./text.ts";
import { lacksThought, removeThought } from "./thoughts.ts";
import { parseCalls, parseTools, toolFormats } from "./tool_formats.ts";

/** Change it when ids change. */
const VERSION = "1";

/** A plugin for a template described by data. */
export function templatePlugin(spec: TemplateSpec): Plugin<"template", typeof templateOptions> {
  return definePlugin({
    kind: "template",
    name: spec.name,
    version: VERSION,
    description: spec.description,
    options: templateOptions,
    create: (options) => new SpecTemplate(spec, options),
  });
}

class SpecTemplate implements Template {
  readonly name: string;
  readonly stopWords: readonly string[];
  readonly replaceEos: boolean;
  readonly efficientEos: boolean;
  readonly replaceJinja: boolean;
  readonly defaultSystem: string;
  readonly #spec: TemplateSpec;
  readonly #options: TemplateOptions;
  readonly #blocks: Blocks & { call: readonly Slot[]; tool: readonly Slot[] };

  constructor(spec: TemplateSpec, options: TemplateOptions) {
    this.#spec = spec;
    this.#options = options;
    this.name = spec.name;
    this.stopWords = spec.stopWords ?? [];
    this.replaceEos = spec.replaceEos ?? false;
    this.efficientEos = spec.efficientEos ?? false;
    this.replaceJinja = spec.replaceJinja ?? false;
    this.defaultSystem = options.default_system ?? spec.defaultSystem ?? "";
    const plain = ["{{content}}"], ended = this.efficientEos ? plain : ["{{content}}", EOS];
    const assistant = spec.assistant ?? ended, user = spec.user ?? plain;
    this.#blocks = {
      prefix: spec.prefix ?? [],
      system: spec.system ?? plain,
      user,
      assistant,
      call: options.tool_format === null ? spec.call ?? assistant : ended,
      tool: spec.tool ?? user,
    };
  }

  jinja(tokenizer: Tokenizer): string {
    return jinjaText(this.#blocks, this.defaultSystem, this.#spec.systemInUser ?? false, tokenizer);
  }

  encodeTurns(
    tokenizer: Tokenizer,
    messages: readonly Message[],
    system: string,
    tools: string,
    options: TurnOptions = {},
  ): EncodedTurn[] {
    checkConversation(messages, this.name);
    const dropHistory = options.maskHistory === true && !this.#options.preserve_thinking;
    const cleaned = this.#cleaned(messages, dropHistory);
    const ids = this.#encode(tokenizer, cleaned, system, tools);
    const turns: EncodedTurn[] = [];
    for (let i = 0; i < ids.length; i += 2) {
      const turn = { source: ids[i]!, target: ids[i + 1]! };
      const isLast = i === ids.length - 2;
      turns.push(dropHistory && !isLast ? turn : this.#withThought(tokenizer, turn, cleaned[i + 1]!));
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
    return [this.#oneTurn(tokenizer, messages, system, tools)];
  }

  encodePrompt(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): number[] {
    checkPrompt(messages, this.name);
    const answered: Message[] = [...messages, { role: "assistant", content: "" }];
    return this.#oneTurn(tokenizer, answered, system, tools).source;
  }

  #oneTurn(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): EncodedTurn {
    const cleaned = this.#cleaned(messages, !this.#options.preserve_thinking, true);
    const ids = this.#encode(tokenizer, cleaned, system, tools);
    const turn = { source: ids.slice(0, -1).flat(), target: ids.at(-1)! };
    return this.#withThought(tokenizer, turn, cleaned.at(-1)!);
  }

  /**
   * Messages without the thoughts that a reasoning template leaves out.
   * @param dropHistory Those of all answers but the last.
   * @param keepOthers `enable_thinking: false` takes thoughts out of the last answer only.
   */
  #cleaned(messages: readonly Message[], dropHistory: boolean, keepOthers = false): readonly Message[] {
    const words = this.#spec.thought;
    if (words === undefined) return messages;
    const dropAll = this.#options.enable_thinking === false;
    return messages.map((message, i) => {
      const isLast = i === messages.length - 1;
      const drop = i % 2 === 1 && (isLast ? dropAll : dropHistory || (dropAll && !keepOthers));
      return drop ? { ...message, content: removeThought(message.content, words) } : message;
    });
  }

  #withThought(tokenizer: Tokenizer, turn: EncodedTurn, answer: Message): EncodedTurn {
    const words = this.#spec.thought;
    if (words === undefined || !lacksThought(answer.content, words)) return turn;
    const empty = encodePieces(tokenizer, [[own(words.join(""))]], this.#options.split_special_tokens);
    return this.#options.enable_thinking === true
      ? { source: turn.source, target: [...empty, ...turn.target] }
      : { source: [...turn.source, ...empty], target: turn.target };
  }

  /** Ids of each message; the first has prefix and system text in front. */
  #encode(tokenizer: Tokenizer, messages: readonly Message[], system: string, tools: string): number[][] {
    return messages.map((message, i) => {
      const pieces = i === 0 ? this.#first(message, system, tools) : this.#message(message);
      return encodePieces(tokenizer, pieces, this.#options.split_special_tokens);
    });
  }

  #first(message: Message, system: string, tools: string): Piece[] {
    const prefix = fill(this.#blocks.prefix, []);
    const content: Part[] = [data(system || this.defaultSystem), ...this.#toolText(tools)];
    if (content.length === 1 && content[0]!.text === "") return [...prefix, ...this.#message(message)];
    const block = fill(this.#blocks.system, content);
    if (!this.#spec.systemInUser) return [...prefix, ...block, ...this.#message(message)];
    return [...prefix, ...this.#message(message, block[0] as readonly Part[])];
  }

  #toolText(tools: string): Part[] {
    if (tools === "") return [];
    const list = parseTools(tools);
    const format = toolFormats[this.#options.tool_format ?? this.#spec.tools ?? "default"];
    // a list without tools still makes a system block, as in LLaMA-Factory
    return list.length === 0 ? [own("")] : format.describe(list, { date: this.#options.date });
  }

  #message(message: Message, before: readonly Part[] = []): Piece[] {
    switch (message.role) {
      case "user":
        return fill(this.#blocks.user, [...before, data(message.content)]);
      case "tool":
        return fill(this.#blocks.tool, [data(message.content)]);
      case "assistant":
        return fill(this.#blocks.assistant, [data(message.content)]);
      case "function":
        return fill(this.#blocks.call, this.#calls(message.content));
      case "system":
        throw new RangeError(`Cannot use a system message within a conversation as template ${this.name}`);
    }
  }

  /** Calls, with a thought or other words in front of them where the data has such. */
  #calls(content: string): Part[] {
    const format = toolFormats[this.#options.tool_format ?? this.#spec.tools ?? "default"];
    if (this.#spec.systemInUser) return format.call(parseCalls(content));
    const marked = /<tool_call>(.*?)<\/tool_call>/s.exec(content);
    if (marked !== null) {
      return [data(content.replaceAll(marked[0], "")), ...format.call(parseCalls(marked[1]!))];
    }
    const [open, close] = this.#spec.thought ?? THOUGHT;
    const from = content.indexOf(open);
    const to = from < 0 ? -1 : content.indexOf(close, from + open.length);
    if (to < 0) return format.call(parseCalls(content));
    const thought = content.slice(from, to + close.length);
    return [data(thought), ...format.call(parseCalls(content.replaceAll(thought, "")))];
  }
}

/** Slots with the content in the place of the first `{{content}}` of each; texts within the content stay as they are. */
function fill(slots: readonly Slot[], content: readonly Part[]): Piece[] {
  return slots.map((slot): Piece => {
    if (typeof slot !== "string") return slot.token;
    const at = slot.indexOf("{{content}}");
    if (at < 0) return [own(slot)];
    return [own(slot.slice(0, at)), ...content, own(slot.slice(at + "{{content}}".length))];
  });
}
