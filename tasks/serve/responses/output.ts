/**
 * A response's output as it grows, token by token.
 * @module
 */
import type { Tokenizer } from "../../../formats/tokenizer/mod.ts";
import type { AnswerPart } from "../reading/answer_parts.ts";
import type { AnswerReader } from "../reading/answer_reader.ts";
import type { AnswerNews } from "../answers/answers.ts";
import { type ChatLogprob, chatLogprob } from "../answers/logprobs.ts";
import { callId } from "../answers/ids.ts";
import type { AnswerFormat } from "../reading/tool_formats.ts";
import { CallItem, type Item, type ItemEvent, type OutputStatus, TextItem } from "./items.ts";

/** Parts of an answer that become items. */
export interface OutputOptions {
  /** Of the answer's text. */
  reader: AnswerReader;
  /** The model's, for names of tokens. */
  tokenizer: Tokenizer;
  /** Of calls. */
  format: AnswerFormat | null;
}

/** The output of one response. */
export class Output {
  /** Items that are whole. */
  readonly items: Item[] = [];
  /** Tokens that were thought. */
  reasoningTokens = 0;
  #open: TextItem | CallItem | null = null;
  /** Tokens whose text is held back, and their log-probabilities. */
  #heldTokens = 0;
  #held: ChatLogprob[] = [];

  constructor(readonly options: OutputOptions) {}

  /** Takes a token; gives the events that tell of it. */
  push({ text, logprobs, end }: AnswerNews): ItemEvent[] {
    const { reader, tokenizer } = this.options;
    this.#heldTokens++;
    this.#held.push(...logprobs.map((each) => chatLogprob(tokenizer, each)));
    const parts = [...reader.push(text), ...end === null ? [] : reader.end()];
    const events = parts.flatMap((part) => this.#part(part));
    if (parts.length > 0) [this.#heldTokens, this.#held] = [0, []];
    if (end === null) return events;
    const status = end.finish === "length" ? "incomplete" : "completed";
    // clients take a response without a message or a call for one that isn't done
    const isEmpty = status === "completed" && (this.#open?.kind ?? "reasoning") === "reasoning" &&
      this.items.every(({ type }) => type === "reasoning");
    // the arguments of a call that is open now aren't whole, whatever ended the answer
    const last = this.#open?.kind === "call" ? "incomplete" : status;
    return [...events, ...isEmpty ? this.#text("content", "") : [], ...this.#close(last)];
  }

  #part(part: AnswerPart): ItemEvent[] {
    if (part.type === "call") return this.#call(part.name);
    if (part.type === "called") return this.#close("completed");
    if (part.type === "arguments") return this.#open instanceof CallItem ? [this.#open.add(part.text)] : [];
    if (part.type === "reasoning") this.reasoningTokens += this.#heldTokens;
    const events = this.#text(part.type, part.text);
    [this.#heldTokens, this.#held] = [0, []];
    return events;
  }

  #text(kind: TextItem["kind"], text: string): ItemEvent[] {
    const same = this.#open?.kind === kind ? this.#open as TextItem : null;
    const open = same ?? new TextItem(kind, this.items.length + (this.#open === null ? 0 : 1));
    const begun = same === null ? [...this.#close("completed"), ...open.begin()] : [];
    this.#open = open;
    const told = kind === "content" ? this.#held : [];
    return [...begun, ...text === "" ? [] : [open.add(text, told)]];
  }

  #call(name: string): ItemEvent[] {
    const before = this.#close("completed");
    const open = new CallItem(name, callId(this.options.format), this.items.length);
    this.#open = open;
    return [...before, ...open.begin()];
  }

  #close(status: OutputStatus): ItemEvent[] {
    const open = this.#open;
    if (open === null) return [];
    this.#open = null;
    this.items.push(open.item(status));
    return open.end(status);
  }
}
