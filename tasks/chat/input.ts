/**
 * Lines to answer: from a terminal, with its history and editing, or from a pipe.
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";

/** Where lines come from. */
export interface ChatInput extends Disposable {
  /** Whether a person types. */
  readonly isTerminal: boolean;
  /** The next line; null at the end. A line that ends in `\` goes on in the next. */
  next(): Promise<string | null>;
}

/**
 * Opens standard input.
 * @param onInterrupt Called for Ctrl-C
 */
export function openInput(onInterrupt: () => void): ChatInput {
  const isTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const lines = createInterface({
    input: process.stdin,
    ...(isTerminal && { output: process.stdout, terminal: true, prompt: "> ", historySize: 500 }),
  });
  let asking = false;
  // on a terminal that gives single keys, Ctrl-C is a key like another
  lines.on("SIGINT", () => {
    onInterrupt();
    // what was typed stays, and shows where the next key goes
    if (isTerminal && asking) lines.prompt(true);
  });
  const waiting: (string | null)[] = [];
  let wake: (() => void) | null = null;
  const put = (line: string | null) => {
    waiting.push(line);
    wake?.();
  };
  lines.on("line", put);
  lines.on("close", () => put(null));
  const one = async (): Promise<string | null> => {
    if (isTerminal && waiting.length === 0) lines.prompt();
    asking = true;
    while (waiting.length === 0) await new Promise<void>((resolve) => wake = resolve);
    asking = false;
    // the end stays the end
    return waiting[0] === null ? null : waiting.shift() ?? null;
  };
  return {
    isTerminal,
    async next() {
      let whole = await one();
      while (whole?.endsWith("\\")) {
        const more = await one();
        whole = `${whole.slice(0, -1)}\n${more ?? ""}`;
        if (more === null) break;
      }
      return whole;
    },
    [Symbol.dispose]: () => lines.close(),
  };
}
