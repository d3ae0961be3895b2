/**
 * Records of a JSON file, read piece by piece: a list of records, or one record a line (JSON Lines). What a file is is seen
 * from its first character, not from its name, as in Hugging Face's reader.
 * @module
 */
import type { RawRecord } from "./read_files.ts";

const CHUNK = 1 << 20;
const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, OPEN_BRACE, CLOSE_BRACE, NEWLINE] = [
  34,
  92,
  44,
  91,
  93,
  123,
  125,
  10,
];

/**
 * Reads records in batches of `batch`.
 *
 * @throws {SyntaxError} If the file is no JSON list of records and no JSON Lines; names line and column.
 */
export function* jsonRecords(
  file: string,
  batch: number,
  onBytes: (read: number) => void,
): Generator<RawRecord[]> {
  const handle = Deno.openSync(file);
  try {
    let records: RawRecord[] = [];
    for (const piece of pieces(handle, file, onBytes)) {
      const value = parse(piece, file);
      records.push({ value, row: piece.row, line: piece.line });
      if (records.length === batch) {
        yield records;
        records = [];
      }
    }
    if (records.length > 0) yield records;
  } finally {
    handle.close();
  }
}

interface Piece {
  bytes: Uint8Array;
  row: number;
  /** Line and column (from 1) of its first byte. */
  line: number;
  column: number;
  isLine: boolean;
}

/** Cuts the file into records without parsing them: only brackets, quotes and commas are looked at. */
function* pieces(handle: Deno.FsFile, file: string, onBytes: (read: number) => void): Generator<Piece> {
  let buffer = new Uint8Array(0); // bytes of the record that is being read
  let mode = "start" as "start" | "list" | "lines" | "end";
  let [depth, inString, escaped] = [0, false, false];
  let [row, line, lineStart, position] = [0, 1, 0, 0];
  let [startLine, startColumn] = [1, 1];
  const take = (bytes: Uint8Array): Piece => ({
    bytes,
    row: row++,
    line: startLine,
    column: startColumn,
    isLine: mode === "lines",
  });
  for (let first = true;; first = false) {
    const read = new Uint8Array(CHUNK);
    const count = handle.readSync(read);
    if (count === null) break;
    onBytes(count);
    const bom = first && read[0] === 0xef && read[1] === 0xbb && read[2] === 0xbf ? 3 : 0;
    const chunk = read.subarray(bom, count);
    let from = 0; // where in the chunk the current record starts
    for (let i = 0; i < chunk.length; i++, position++) {
      const byte = chunk[i]!;
      if (byte === NEWLINE) {
        if (mode === "lines") {
          const bytes = join(buffer, chunk.subarray(from, i));
          buffer = new Uint8Array(0);
          if (!isBlank(bytes)) yield take(bytes);
          from = i + 1;
        }
        line++;
        lineStart = position + 1;
        if (mode === "lines") [startLine, startColumn] = [line, 1];
        continue;
      }
      if (mode === "lines") continue;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
        continue;
      }
      if (mode === "list") {
        if (byte === QUOTE) inString = true;
        else if (byte === OPEN || byte === OPEN_BRACE) depth++;
        else if (byte === CLOSE_BRACE || (byte === CLOSE && depth > 1)) depth--;
        else if ((byte === COMMA || byte === CLOSE) && depth === 1) {
          const bytes = join(buffer, chunk.subarray(from, i));
          buffer = new Uint8Array(0);
          // `[]` alone has no record; after a comma there must be one
          if (!(byte === CLOSE && row === 0 && isBlank(bytes))) yield take(bytes);
          from = i + 1;
          [startLine, startColumn] = [line, position - lineStart + 2];
          if (byte === CLOSE) mode = "end";
        }
      } else if (!isSpace(byte)) {
        if (mode === "end") {
          throw fault(file, line, position - lineStart + 1, "there is text behind the end of the list");
        }
        if (byte === OPEN) {
          mode = "list";
          depth = 1;
          from = i + 1;
          [startLine, startColumn] = [line, position - lineStart + 2];
        } else {
          mode = "lines";
          from = i;
          [startLine, startColumn] = [line, position - lineStart + 1];
        }
      }
    }
    if (mode === "list" || mode === "lines") buffer = join(buffer, chunk.subarray(from));
  }
  if (mode === "list") {
    throw fault(
      file,
      startLine,
      startColumn,
      `the file ends inside the list; its last record (row ${row}) starts here`,
    );
  }
  if (mode === "lines" && !isBlank(buffer)) yield take(buffer);
}

function parse(piece: Piece, file: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(piece.bytes);
  } catch {
    throw fault(file, piece.line, piece.column, `row ${piece.row} is not UTF-8`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const at = faultPosition(text, message);
    const before = text.slice(0, at).split("\n");
    const line = piece.line + before.length - 1;
    const column = before.length === 1 ? piece.column + at : before.at(-1)!.length + 1;
    const reason = text.trim() === ""
      ? "a record is missing (a comma too many)"
      : message.replace(/ in JSON at position.*| \(line \d+ column \d+\)/s, "");
    const hint = piece.isLine && piece.row === 0
      ? ". A file that starts with { is read as one record a line; put records that go over lines into a list [ … ]"
      : "";
    throw fault(file, line, column, `${reason} (row ${piece.row}: ${shorten(text, at)})${hint}`);
  }
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

/** Whether more text could make this prefix JSON. */
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

function fault(file: string, line: number, column: number, reason: string): SyntaxError {
  return new SyntaxError(`Cannot read ${file}:${line}:${column} as JSON: ${reason}`);
}

function shorten(text: string, at: number): string {
  const from = Math.max(0, at - 30);
  const part = text.slice(from, at + 30).replaceAll(/\s+/g, " ").trim();
  return `${from > 0 ? "…" : ""}${part}${at + 30 < text.length ? "…" : ""}`;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(isSpace);
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}
