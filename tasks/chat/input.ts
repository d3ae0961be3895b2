/**
 * Lines to answer: from a terminal, with its history and editing, or from a pipe.
 * @module
 */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { PassThrough, Writable } from "node:stream";

import { isDumbTerminal } from "../common/cli/dumb_terminal.ts";
import { LEAVE_PASTES, MARK_PASTES, TypedKeys } from "./typed_keys.ts";

/** Where lines come from. */
export interface ChatInput extends Disposable {
  /** True if a person types. */
  readonly isTerminal: boolean;
  /** The next line; null at the end. A line that ends in `\` goes on in the next. */
  next(): Promise<string | null>;
  /** After Ctrl-C between answers: begins the text anew where no line editor has done it. */
  restart(): void;
}

/**
 * Opens standard input.
 * @param onInterrupt Called for Ctrl-C on a terminal; told whether a text that was being typed is dropped by it
 */
export function openInput(onInterrupt: (isDropped: boolean) => void): ChatInput {
  const isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  if (!isTerminal) return pipedLines();
  return isDumbTerminal() ? plainLines() : typedLines(onInterrupt);
}

const PROMPT = "> ";

function typedLines(onInterrupt: (isDropped: boolean) => void): ChatInput {
  let asking = false;
  /** Lines of a text that goes on. */
  let pieces: string[] = [];
  const typed = new PassThrough();
  const keys = new TypedKeys((text) => typed.write(text), () => {
    const isDropped = asking && (pieces.length > 0 || lines.line !== "");
    pieces.length = 0;
    onInterrupt(isDropped);
    if (!asking) return;
    // from the cursor to the end, then to the beginning
    lines.write(null, { ctrl: true, name: "k" });
    lines.write(null, { ctrl: true, name: "u" });
    lines.prompt();
  });
  const screen = new Screen(() => asking);
  const lines = createInterface({
    input: typed,
    output: screen,
    terminal: true,
    prompt: PROMPT,
    historySize: 500,
  });
  const queue = lineQueue(lines);
  const take = (bytes: Uint8Array) => keys.push(bytes);
  process.stdin.setRawMode(true);
  process.stdin.on("data", take).once("end", () => lines.close());
  process.stdout.write(MARK_PASTES);
  return {
    isTerminal: true,
    next() {
      pieces = [];
      return wholeText(pieces, async () => {
        asking = true;
        // what is typed already stays
        lines.prompt(true);
        keys.open();
        const line = await queue.next();
        asking = false;
        return line;
      });
    },
    restart() {},
    [Symbol.dispose]() {
      lines.close();
      screen.close();
      process.stdin.off("data", take).pause();
      process.stdin.setRawMode(false);
      process.stdout.write(LEAVE_PASTES);
    },
  };
}

/** Lines of a terminal that knows no commands: it shows and edits them itself, and its Ctrl-C is the task's signal. */
function plainLines(): ChatInput {
  const lines = createInterface({ input: process.stdin });
  const queue = lineQueue(lines);
  const pieces: string[] = [];
  const prompt = () => process.stdout.write(PROMPT);
  return {
    isTerminal: true,
    next() {
      pieces.length = 0;
      return wholeText(pieces, () => {
        prompt();
        return queue.next();
      });
    },
    restart() {
      pieces.length = 0;
      prompt();
    },
    [Symbol.dispose]: () => lines.close(),
  };
}

function pipedLines(): ChatInput {
  const lines = createInterface({ input: process.stdin });
  const queue = lineQueue(lines);
  return {
    isTerminal: false,
    next: () => wholeText([], queue.next),
    restart() {},
    [Symbol.dispose]: () => lines.close(),
  };
}

/** Lines up to one that doesn't go on; null at the end. @param pieces Filled with those that go on */
async function wholeText(pieces: string[], next: () => Promise<string | null>): Promise<string | null> {
  for (;;) {
    const line = await next();
    if (line === null) return pieces.length === 0 ? null : pieces.join("\n");
    if (!line.endsWith("\\")) return [...pieces, line].join("\n");
    pieces.push(line.slice(0, -1));
  }
}

/** Standard output as the line editor sees it: told of a new size only while a line is edited, else it would draw it into an answer. */
class Screen extends Writable {
  readonly #resized = () => this.isEdited() && this.emit("resize");

  constructor(readonly isEdited: () => boolean) {
    super({
      decodeStrings: false,
      write(text, _, done) {
        // without waiting, so that nothing else is written in between
        process.stdout.write(text);
        done();
      },
    });
    process.stdout.on("resize", this.#resized);
  }

  get columns(): number {
    return process.stdout.columns;
  }

  close(): void {
    process.stdout.off("resize", this.#resized);
  }
}

/** Lines in the order in which they came. */
function lineQueue(lines: Interface): { next(): Promise<string | null> } {
  const waiting: (string | null)[] = [];
  let wake: (() => void) | null = null;
  const put = (line: string | null) => {
    waiting.push(line);
    wake?.();
  };
  lines.on("line", put);
  lines.on("close", () => put(null));
  return {
    async next() {
      while (waiting.length === 0) await new Promise<void>((resolve) => wake = resolve);
      // the end stays the end
      return waiting[0] === null ? null : waiting.shift() ?? null;
    },
  };
}
