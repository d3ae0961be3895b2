/**
 * A terminal, or a stream that is none, which keeps what is written.
 * @module
 */
import { stripVTControlCharacters } from "node:util";

/** A stream as progress bars want it. */
export interface KeptStream {
  isTTY: boolean;
  columns: number;
  write(part: string): void;
  /** Everything that was written so far. */
  text(): string;
  /** Its lines without colours and commands of the terminal. */
  lines(): string[];
  cursorTo(): void;
  moveCursor(): void;
  clearLine(): void;
  clearScreenDown(): void;
}

/**
 * A fresh stream.
 * @param columns Width, in characters
 */
export function keptStream(isTTY: boolean, columns = 100): KeptStream {
  let text = "";
  const nothing = () => {};
  return {
    isTTY,
    columns,
    write: (part) => void (text += part),
    text: () => text,
    lines: () => stripVTControlCharacters(text).split("\n").map((line) => line.trim()),
    cursorTo: nothing,
    moveCursor: nothing,
    clearLine: nothing,
    clearScreenDown: nothing,
  };
}
