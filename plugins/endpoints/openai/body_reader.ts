/**
 * Reads the body of a reply as it comes: a stream of server-sent events or one JSON text, whichever was asked for
 * (`transformers serve` up to 4.57 always streams; gateways answer a stream with one whole reply).
 * @module
 */
import { createParser } from "eventsource-parser";

import { AnswerError } from "../failures.ts";
import { excerpt, type Reply, ReplyError, ReplyReader } from "./reply.ts";

/** Beginnings of server-sent events. */
const EVENTS = /^(?::|(?:data|event|id|retry|error):)/;
/** Characters that tell which of both it is. */
const ENOUGH = 8;

/** See the module's text. */
export class BodyReader {
  readonly #reader = new ReplyReader();
  readonly #typed: boolean;
  #head = "";
  #pieces = 0;
  /** Of a stream. */
  #events: EventReader | null = null;
  /** Of a whole reply. */
  #texts: string[] | null = null;

  /**
   * Nothing was read yet.
   * @param typed True if the header says that it is a stream
   */
  constructor(typed: boolean) {
    this.#typed = typed;
  }

  /**
   * Adds text.
   * @throws {AnswerError} If a piece isn't what the protocol says
   * @throws {ReplyError} If a piece says that something failed
   */
  feed(text: string): void {
    if (this.#events !== null) this.#events.feed(text);
    else if (this.#texts !== null) this.#texts.push(text);
    else {
      this.#head = (this.#head + text).trimStart();
      if (this.#head.length >= ENOUGH) this.#begin();
    }
  }

  /** Pieces of a stream that came whole; comments, by which servers keep a connection open, are none. */
  get pieces(): number {
    return this.#pieces;
  }

  /**
   * The whole.
   * @throws {AnswerError} If it has no end, or isn't what the protocol says
   * @throws {ReplyError} If it says that something failed
   */
  end(): Reply {
    if (this.#events === null && this.#texts === null) this.#begin();
    if (this.#events === null) return this.#whole(parsed(this.#texts!.join("")));
    // the last event may lack the empty line that ends it
    this.#events.feed("\n\n");
    const { reply } = this.#reader;
    if (reply.finish !== null) return reply;
    throw new AnswerError(
      "stopped",
      `the stream stopped before its end, after ${reply.text?.length ?? 0} characters${
        this.#events.isDone()
          ? ": there was no finish_reason before [DONE]; if this server never gives one, set args.stream: false"
          : ""
      }`,
    );
  }

  #begin(): void {
    const streamed = EVENTS.test(this.#head) ||
      (this.#typed && !/^[{<]/.test(this.#head) && this.#head !== "");
    if (streamed) {
      this.#events = eventReader(this.#reader, () => this.#pieces++);
      this.#events.feed(this.#head);
    } else this.#texts = [this.#head];
  }

  #whole(value: unknown): Reply {
    this.#reader.add(value);
    if (this.#reader.found) return this.#reader.reply;
    throw new AnswerError("malformed", `the answer has no choices: ${excerpt(value)}`);
  }
}

interface EventReader {
  feed(text: string): void;
  /** True once [DONE] came. */
  isDone(): boolean;
}

function eventReader(reader: ReplyReader, whole: () => void): EventReader {
  let isDone = false;
  const parser = createParser({
    onEvent({ event, data }) {
      // proxies that keep a connection for another answer write on behind the end
      isDone ||= data.trim() === "[DONE]";
      if (isDone || data.trim() === "") return;
      if (event === "error") throw new ReplyError(errorOf(data));
      let piece: unknown;
      try {
        piece = JSON.parse(data);
      } catch (error) {
        throw new AnswerError("malformed", `a piece isn't JSON: ${(error as Error).message}`);
      }
      reader.add(piece);
      whole();
    },
    onError({ type, field, value = "" }) {
      // llama.cpp's server up to 2025 sent errors under a field of its own
      if (type === "unknown-field" && field === "error") throw new ReplyError(errorOf(value));
    },
  });
  // whole lines: of fields that it doesn't know, the parser drops those that come in two pieces
  let rest = "";
  return {
    isDone: () => isDone,
    feed(text) {
      const end = text.lastIndexOf("\n") + 1;
      if (end > 0) parser.feed(rest + text.slice(0, end));
      rest = end > 0 ? text.slice(end) : rest + text;
    },
  };
}

function errorOf(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text), inner = value?.error;
    if (typeof inner === "object" && inner !== null) return inner;
    if (typeof value === "object" && value !== null) return value;
  } catch { /* its text says enough */ }
  return { message: text.trim() };
}

/** @throws {AnswerError} If it isn't JSON. */
function parsed(text: string): unknown {
  if (text.trim() === "") throw new AnswerError("malformed", "the answer is empty where JSON is needed");
  if (text.startsWith("<")) {
    throw new AnswerError(
      "malformed",
      `the answer is HTML where JSON is needed; is args.api_base right? ${excerpt(text)}`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AnswerError(
      "malformed",
      `the answer isn't JSON (${(error as Error).message}): ${excerpt(text)}`,
    );
  }
}
