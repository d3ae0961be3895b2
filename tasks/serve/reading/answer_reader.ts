/**
 * An answer's text as it comes, taken apart into what was thought, what is said, and calls of tools.
 * @module
 */
import type { ThoughtTags } from "../../../plugins/kinds/endpoint.ts";
import { ThoughtStream } from "../../../plugins/kinds/thoughts/thought_stream.ts";
import { type AnswerPart, content } from "./answer_parts.ts";
import { CallReader, type CallsToRead } from "./call_reader.ts";

/** Reads the text of one answer. */
export class AnswerReader {
  readonly #thoughts: ThoughtStream;
  readonly #calls: CallReader | null;

  /**
   * @param tags Around thoughts
   * @param opened Tags that the prompt opened already
   * @param calls null: there are none to look for
   */
  constructor(
    tags: readonly ThoughtTags[],
    opened: ThoughtTags | undefined,
    calls: CallsToRead | null,
  ) {
    this.#thoughts = new ThoughtStream(tags);
    if (opened !== undefined) this.#thoughts.push(opened[0]);
    this.#calls = calls && new CallReader(calls);
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
