/**
 * Items of a response's output, and the events by which a stream tells of them.
 * @module
 */
import { randomId } from "../answers/ids.ts";
import type { ChatLogprob } from "../answers/logprobs.ts";

/** How far an item is. */
export type OutputStatus = "in_progress" | "completed" | "incomplete";

/** An event of a stream, without its number. */
export interface ItemEvent {
  /** Name of the event, such as `response.output_text.delta`. */
  type: string;
  /** What it tells, by the names of OpenAI's reference. */
  [field: string]: unknown;
}

/** An item of the output, as replies have it. */
export type Item = Record<string, unknown> & { type: "message" | "reasoning" | "function_call" };

/** A text under way: what is said, or what was thought. */
export class TextItem {
  readonly #id: string;
  readonly #said: boolean;
  #text = "";
  readonly #logprobs: ChatLogprob[] = [];

  /** @param index Place in the output */
  constructor(readonly kind: "content" | "reasoning", readonly index: number) {
    this.#said = kind === "content";
    this.#id = randomId(this.#said ? "msg_" : "rs_");
  }

  /** Events in front of its text. */
  begin(): ItemEvent[] {
    return [
      { type: "response.output_item.added", output_index: this.index, item: this.item("in_progress") },
      { type: "response.content_part.added", ...this.#place(), part: this.#part() },
    ];
  }

  /** Takes a piece of its text, with the log-probabilities of the tokens that it came by. */
  add(text: string, logprobs: readonly ChatLogprob[]): ItemEvent {
    this.#text += text;
    this.#logprobs.push(...logprobs);
    const told = this.#said ? { logprobs } : {};
    return { type: `response.${this.#name()}.delta`, ...this.#place(), delta: text, ...told };
  }

  /** Events behind its text. */
  end(status: OutputStatus): ItemEvent[] {
    const told = this.#said ? { logprobs: this.#logprobs } : {};
    return [
      { type: `response.${this.#name()}.done`, ...this.#place(), text: this.#text, ...told },
      { type: "response.content_part.done", ...this.#place(), part: this.#part() },
      { type: "response.output_item.done", output_index: this.index, item: this.item(status) },
    ];
  }

  /** As the output has it. */
  item(status: OutputStatus): Item {
    const content = status === "in_progress" ? [] : [this.#part()];
    return this.#said
      ? { id: this.#id, type: "message", role: "assistant", status, content }
      : { id: this.#id, type: "reasoning", status, summary: [], content };
  }

  #part(): Record<string, unknown> {
    return this.#said
      ? { type: "output_text", text: this.#text, annotations: [], logprobs: [...this.#logprobs] }
      : { type: "reasoning_text", text: this.#text };
  }

  #name(): string {
    return this.#said ? "output_text" : "reasoning_text";
  }

  #place(): Record<string, unknown> {
    return { item_id: this.#id, output_index: this.index, content_index: 0 };
  }
}

/** A call under way. */
export class CallItem {
  readonly kind = "call";
  readonly #id = randomId("fc_");
  #arguments = "";

  /** @param index Place in the output */
  constructor(readonly name: string, readonly callId: string, readonly index: number) {}

  /** Events in front of its arguments. */
  begin(): ItemEvent[] {
    return [{ type: "response.output_item.added", output_index: this.index, item: this.item("in_progress") }];
  }

  /** Takes a piece of its arguments. */
  add(text: string): ItemEvent {
    this.#arguments += text;
    return { type: "response.function_call_arguments.delta", ...this.#place(), delta: text };
  }

  /** Events behind its arguments. */
  end(status: OutputStatus): ItemEvent[] {
    const { name } = this, told = { name, arguments: this.#arguments };
    return [
      { type: "response.function_call_arguments.done", ...this.#place(), ...told },
      { type: "response.output_item.done", output_index: this.index, item: this.item(status) },
    ];
  }

  /** As the output has it. */
  item(status: OutputStatus): Item {
    const { name, callId: call_id } = this;
    return { id: this.#id, type: "function_call", status, call_id, name, arguments: this.#arguments };
  }

  #place(): Record<string, unknown> {
    return { item_id: this.#id, output_index: this.index };
  }
}
