/**
 * Calls found in a text that comes in pieces. What was handed out as a call's is the call's: a text is none until its name and the
 * bracket of its arguments are there, and stays one if the model writes the arguments wrongly or is cut.
 * @module
 */
import { partial } from "../../../plugins/kinds/thoughts/thought_stream.ts";
import { type AnswerPart, content } from "./answer_parts.ts";
import type { AnswerFormat } from "./tool_formats.ts";
import type { ReadingOptions } from "./call_object.ts";
import type { Reading } from "./characters.ts";

/** How calls of an answer are written, and which there may be. */
export interface CallsToRead {
  /** As the model's template writes them. */
  format: AnswerFormat;
  /** Names of the tools that it was offered: JSON without a mark in front calls none but these. */
  offered: ReadonlySet<string>;
  /** True if calls behind the first are left out. */
  once: boolean;
}

/** Calls that are being read. */
interface Section {
  reading: Reading<string | null>;
  /** Text that began it. */
  begin: string;
  options: ReadingOptions;
  /** Read since the last part of a call, without what is passed over. */
  seen: string;
  /** True if there was a call in it. */
  hasCall: boolean;
  /** True while arguments come. */
  isOpen: boolean;
}

/** Finds calls in the text behind the thoughts. */
export class CallReader {
  /** Text whose meaning isn't certain yet, outside of calls. */
  #held = "";
  #section: Section | null = null;
  /** True if something was said or called. */
  #started = false;
  #calls = 0;
  /** True behind a call whose end may still come. */
  #unclosed = false;

  constructor(readonly calls: CallsToRead) {}

  /** Adds text; gives what is certain. */
  push(text: string): AnswerPart[] {
    this.#held += text;
    const parts: AnswerPart[] = [];
    while (this.#section === null ? this.#outside(parts) : this.#inside(parts, this.#section)) {
      // each turn passes a mark, or the end of calls
    }
    return parts;
  }

  /** No more text: gives the rest. */
  end(): AnswerPart[] {
    const section = this.#section, rest = section === null ? this.#held : unread(section);
    [this.#held, this.#section] = ["", null];
    // what is held back within arguments is a piece of the mark that ends them
    if (section?.isOpen) return [];
    if (section !== null && !section.hasCall) return content(rest);
    // brackets and white space behind calls say nothing
    const blank = section === null ? /^\s*$/ : /^[\s,;\]}]*$/;
    return this.#calls > 0 && blank.test(rest) ? [] : content(rest);
  }

  /** Reads up to the next calls. True if there may be more to do. */
  #outside(parts: AnswerPart[]): boolean {
    const { begin, end, bare } = this.calls.format;
    if (!this.#started && bare && /^\s*[{[]/.test(this.#held)) return this.#begin("", 0);
    const marks = [...begin, ...this.#unclosed && end !== null ? [end] : []];
    const [found] = marks.map((text) => ({ text, index: this.#held.indexOf(text) }))
      .filter(({ index }) => index >= 0).sort((a, b) => a.index - b.index);
    if (found !== undefined) {
      parts.push(...content(this.#held.slice(0, found.index).trimEnd()));
      const behind = found.index + found.text.length;
      if (begin.includes(found.text)) return this.#begin(found.text, behind);
      this.#held = this.#held.slice(behind);
      this.#unclosed = false;
      return true;
    }
    // white space may stand in front of a call, where it says nothing
    const tail = Math.max(0, ...marks.map((text) => partial(this.#held, text)));
    const certain = this.#held.slice(0, this.#held.length - tail).trimEnd();
    if (certain !== "") this.#started = true;
    parts.push(...content(certain));
    this.#held = this.#held.slice(certain.length);
    return false;
  }

  #begin(begin: string, behind: number): boolean {
    const { format: { end, read }, offered } = this.calls;
    // a mark says that a call is meant, whatever its name: clients tell the model that there is no such tool
    const options = { end, only: begin === "" ? offered : null, out: [], isPassing: false };
    const reading = read(options);
    reading.next();
    this.#section = { reading, begin, options, seen: "", hasCall: false, isOpen: false };
    this.#held = this.#held.slice(behind);
    this.#started = true;
    this.#unclosed = false;
    return true;
  }

  /** Reads calls. True if they are over. */
  #inside(parts: AnswerPart[], section: Section): boolean {
    let read = 0;
    for (const character of this.#held) {
      read += character.length;
      const { done, value } = section.reading.next(character);
      section.seen = section.options.isPassing ? "" : section.seen + character;
      this.#take(parts, section);
      if (done !== true) continue;
      this.#section = null;
      this.#unclosed = section.hasCall;
      if (value === null) parts.push(...content(unread(section)));
      this.#held = (value ?? "") + this.#held.slice(read);
      return true;
    }
    this.#held = "";
    return false;
  }

  /** Hands out what a section found with a character; arguments of one push are one part. */
  #take(parts: AnswerPart[], section: Section): void {
    const { out } = section.options;
    if (out.length === 0) return;
    section.seen = "";
    section.hasCall = true;
    for (const part of out.splice(0)) {
      section.isOpen = part.type !== "called";
      if (part.type === "call") this.#calls++;
      if (this.calls.once && this.#calls > 1) continue;
      const last = parts.at(-1);
      if (part.type === "arguments" && last?.type === "arguments") last.text += part.text;
      else parts.push(part);
    }
  }
}

/** What was read of a section and is no call. The bracket behind a call's arguments is the call's. */
function unread({ begin, seen, hasCall }: Section): string {
  return hasCall ? seen.replace(/^\s*\}/, "") : begin + seen;
}
