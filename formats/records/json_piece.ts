/**
 * The bytes of one record of a JSON file, and its value.
 * @module
 */
import { shown } from "../message.ts";
import { isPythonJson, withoutNotNumbers } from "../python_text.ts";
import { repeatedName } from "../repeated_names.ts";
import { keepExactText } from "./exact_json.ts";

/** Bytes of one record, and where in the file they stand. */
export interface JsonPiece {
  bytes: Uint8Array;
  /** Of the file, from 0. */
  row: number;
  /** Line and column (from 1) of its first byte. */
  line: number;
  column: number;
  isLine: boolean;
}

/** The value of a piece; what is wrong in it is told by line and column of the file. @throws {SyntaxError} If it is no JSON */
export function parsePiece(piece: JsonPiece, file: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(piece.bytes);
  } catch {
    throw jsonFault(file, piece.line, piece.column, `row ${piece.row} is not UTF-8${otherContent(piece)}`);
  }
  const placed = (position: number, reason: string) => {
    const before = text.slice(0, position).split("\n");
    const line = piece.line + before.length - 1;
    return jsonFault(
      file,
      line,
      before.length === 1 ? piece.column + position : before.at(-1)!.length + 1,
      `${reason} (row ${piece.row}: ${shorten(text, position)})`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (isPythonJson(text)) value = JSON.parse(withoutNotNumbers(text, "null"));
    else {
      const message = (error as Error).message;
      const reason = text.trim() === ""
        ? "a record is missing (a comma too many)"
        : message.replace(/ in JSON at position.*| \(line \d+ column \d+\)/s, "");
      const told = placed(faultPosition(text, message), reason);
      if (piece.isLine && piece.row === 0 && !text.trimEnd().endsWith("}")) told.message += ONE_A_LINE;
      throw told;
    }
  }
  const repeated = repeatedName(text, value);
  if (repeated !== undefined) {
    throw placed(
      repeated.index,
      `the name ${shown(repeated.name)} comes twice in one object, and only one of its values could be read`,
    );
  }
  keepExactText(text, value);
  return value;
}

const ONE_A_LINE =
  ". A file that starts with { is read as one record a line; put records that go over lines into a list [ … ]";

/** A file's first bytes that tell of another content. */
function otherContent({ bytes, row, line }: JsonPiece): string {
  if (row !== 0 || line !== 1) return "";
  const [a, b] = bytes;
  if (a === 0x1f && b === 0x8b) return ", and the file is gzipped: give its name the ending .gz";
  const isWide = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  return isWide ? ", and the file is UTF-16: save it as UTF-8" : "";
}

/** Where JSON.parse stumbled. Not all of its messages tell, so the shortest prefix that is wrong by itself is sought. */
function faultPosition(text: string, message: string): number {
  const told = /position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endsEarly(text.slice(0, middle))) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** True if more text could make this prefix JSON. */
function endsEarly(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return true;
  } catch (error) {
    const message = (error as Error).message;
    return /end of JSON|Unterminated/.test(message) ||
      Number(/position (\d+)/.exec(message)?.[1]) >= prefix.length;
  }
}

/** A fault of a JSON file at a line and a column, both from 1. */
export function jsonFault(file: string, line: number, column: number, reason: string): SyntaxError {
  return new SyntaxError(`Cannot read ${file}:${line}:${column} as JSON: ${reason}`);
}

function shorten(text: string, position: number): string {
  const from = Math.max(0, position - 30);
  const part = text.slice(from, position + 30).replaceAll(/\s+/g, " ").trim();
  return `${from > 0 ? "…" : ""}${part}${position + 30 < text.length ? "…" : ""}`;
}
