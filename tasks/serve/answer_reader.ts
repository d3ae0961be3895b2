/**
 * An answer's text as it comes, taken apart into what was thought, what is said, and calls of tools.
 * @module
 */
import type { ThoughtTags } from "../../plugins/kinds/endpoint.ts";
import { partial, ThoughtStream } from "../../plugins/kinds/thought_stream.ts";
import type { AnsweredCall, AnswerFormat } from "./tool_formats.ts";

/** A part that became certain. */
export type AnswerPart =
  | { type: "reasoning"; text: string }
  | { type: "content"; text: string }
  | { type: "call"; call: AnsweredCall };

/** Reads the text of one answer. */
export class AnswerReader {
  readonly #thoughts: ThoughtStream;
  readonly #calls: CallReader | null;

  /**
   * @param tags Around thoughts
   * @param opened Tags that the prompt opened already
   * @param format Of calls; null: there are none to look for
   */
  constructor(tags: readonly ThoughtTags[], opened: ThoughtTags | undefined, format: AnswerFormat | null) {
    this.#thoughts = new ThoughtStream(tags);
    if (opened !== undefined) this.#thoughts.push(opened[0]);
    this.#calls = format && new CallReader(format);
  }

  /** Adds text; gives what is certain. */
  push(text: string): AnswerPart[] {
    const { thought, answer } = this.#thoughts.push(text);
    return this.#parts(thought, this.#calls?.push(answer) ?? content(answer));
  }

  /** No more text: gives the rest. */
  end(): AnswerPart[] {
    const { thought, answer } = this.#thoughts.end();
    const rest = this.#calls === null ? content(answer) : [...this.#calls.push(answer), ...this.#calls.end()];
    return this.#parts(thought, rest);
  }

  #parts(thought: string, rest: AnswerPart[]): AnswerPart[] {
    return thought === "" ? rest : [{ type: "reasoning", text: thought }, ...rest];
  }
}

/** Finds calls in the text behind the thoughts. */
class CallReader {
  #held = "";
  /** Text that began the calls, while inside of them. */
  #begun: string | null = null;
  #started = false;
  #called = false;

  constructor(readonly format: AnswerFormat) {}

  push(text: string): AnswerPart[] {
    this.#held += text;
    const parts: AnswerPart[] = [];
    while (this.#advance(parts)) { /* each turn passes a mark */ }
    return parts;
  }

  end(): AnswerPart[] {
    const rest = this.#held, begun = this.#begun;
    [this.#held, this.#begun] = ["", null];
    // white space behind calls says nothing
    if (begun === null) return this.#called && rest.trim() === "" ? [] : content(rest);
    return this.#read(rest) ?? content(begun + rest);
  }

  #advance(parts: AnswerPart[]): boolean {
    const { begin, end, bare } = this.format;
    if (this.#begun !== null) {
      const close = end === null ? -1 : this.#held.indexOf(end);
      if (close < 0 || end === null) return false;
      const inside = this.#held.slice(0, close);
      parts.push(...this.#read(inside) ?? content(this.#begun + inside + end));
      this.#held = this.#held.slice(close + end.length);
      this.#begun = null;
      return true;
    }
    const found =
      begin.map((text) => ({ text, index: this.#held.indexOf(text) })).filter(({ index }) => index >= 0)
        .sort((a, b) => a.index - b.index)[0];
    const lead = this.#held.trimStart();
    if (!this.#started && bare && (lead.startsWith("{") || lead.startsWith("["))) {
      [this.#begun, this.#started] = ["", true];
      return true;
    }
    if (found !== undefined) {
      const before = this.#held.slice(0, found.index);
      parts.push(...before.trim() === "" ? [] : content(before.trimEnd()));
      [this.#begun, this.#held, this.#started] = [
        found.text,
        this.#held.slice(found.index + found.text.length),
        true,
      ];
      return true;
    }
    // white space may stand in front of a call, where it says nothing
    const tail = Math.max(0, ...begin.map((text) => partial(this.#held, text)));
    const certain = this.#held.slice(0, this.#held.length - tail).trimEnd();
    if (certain !== "") this.#started = true;
    parts.push(...content(certain));
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  #read(text: string): AnswerPart[] | null {
    const calls = this.format.read(text);
    this.#called ||= calls !== null;
    return calls?.map((call) => ({ type: "call", call })) ?? null;
  }
}

function content(text: string): AnswerPart[] {
  return text === "" ? [] : [{ type: "content", text }];
}
