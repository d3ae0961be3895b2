/**
 * Records of a JSON file, read piece by piece: a list of records, or one record a line (JSON Lines). What a file is is seen
 * from its first character, not from its name, as in Hugging Face's reader.
 * @module
 */
import { shown } from "../message.ts";
import { isPythonJson, withoutNotNumbers } from "../python_text.ts";
import { repeatedName } from "../repeated_names.ts";
import { keepExactText } from "./exact_json.ts";
import type { RawRecord } from "./record.ts";

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
    const read = new Uint8Array(CHUNK);
    const cutter = new JsonRecords(file);
    for (let done = false; !done;) {
      const count = handle.readSync(read);
      done = count === null;
      if (count !== null) onBytes(count);
      for (const record of count === null ? cutter.end() : cutter.push(read.subarray(0, count))) {
        records.push(record);
        if (records.length === batch) {
          yield records;
          records = [];
        }
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

/**
 * Takes a file's bytes in pieces of any size and gives the records that have ended. Only the record that is being read is
 * kept, so the bytes may be overwritten afterwards.
 */
export class JsonRecords {
  readonly #file: string;
  /** Bytes of the record that is being read. */
  #buffer = new Uint8Array(0);
  #mode: "start" | "list" | "lines" | "end" = "start";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #first = true;
  #row = 0;
  #line = 1;
  #lineStart = 0;
  #position = 0;
  #startLine = 1;
  #startColumn = 1;

  /**
   * Nothing is read yet.
   * @param file Its name, for messages
   */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Takes the next bytes.
   * @throws {SyntaxError} As in {@linkcode jsonRecords}
   */
  *push(bytes: Uint8Array): Generator<RawRecord> {
    for (const piece of this.#pieces(bytes)) yield this.#record(piece);
  }

  /**
   * Says that there are no more.
   * @throws {SyntaxError} As in {@linkcode jsonRecords}
   */
  *end(): Generator<RawRecord> {
    if (this.#mode === "list") {
      throw fault(
        this.#file,
        this.#startLine,
        this.#startColumn,
        `the file ends inside the list; its last record (row ${this.#row}) starts here`,
      );
    }
    if (this.#mode === "lines" && !isBlank(this.#buffer)) yield this.#record(this.#take(this.#buffer));
  }

  #record(piece: Piece): RawRecord {
    const { bytes, row } = piece;
    let line = piece.line;
    for (let i = 0; i < bytes.length && isSpace(bytes[i]!); i++) if (bytes[i] === NEWLINE) line++;
    return { value: parse(piece, this.#file), row, line };
  }

  #take(bytes: Uint8Array): Piece {
    return {
      bytes,
      row: this.#row++,
      line: this.#startLine,
      column: this.#startColumn,
      isLine: this.#mode === "lines",
    };
  }

  /** Cuts into records without parsing them: only brackets, quotes and commas are looked at. */
  *#pieces(read: Uint8Array): Generator<Piece> {
    const bom = this.#first && read[0] === 0xef && read[1] === 0xbb && read[2] === 0xbf ? 3 : 0;
    this.#first = false;
    const chunk = read.subarray(bom);
    const begun = this.#position;
    let from = 0; // where in the chunk the current record starts
    const cut = (end: number): Uint8Array => {
      const bytes = join(this.#buffer, chunk.subarray(from, end));
      this.#buffer = new Uint8Array(0);
      from = end + 1;
      return bytes;
    };
    let i = 0;
    const column = () => begun + i - this.#lineStart + 1;
    for (; i < chunk.length; i++) {
      if (this.#mode === "lines") {
        i = chunk.indexOf(NEWLINE, i);
        if (i < 0) break;
        const bytes = cut(i);
        if (!isBlank(bytes)) yield this.#take(bytes);
        this.#lineStart = begun + i + 1;
        [this.#startLine, this.#startColumn] = [++this.#line, 1];
        continue;
      }
      const byte = chunk[i]!;
      if (byte === NEWLINE) {
        this.#line++;
        this.#lineStart = begun + i + 1;
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (this.#mode === "list") {
        if (byte === QUOTE) this.#inString = true;
        else if (byte === OPEN || byte === OPEN_BRACE) this.#depth++;
        else if (byte === CLOSE_BRACE || (byte === CLOSE && this.#depth > 1)) this.#depth--;
        else if ((byte === COMMA || byte === CLOSE) && this.#depth === 1) {
          const bytes = cut(i);
          // `[]` alone has no record; after a comma there must be one
          if (!(byte === CLOSE && this.#row === 0 && isBlank(bytes))) yield this.#take(bytes);
          [this.#startLine, this.#startColumn] = [this.#line, column() + 1];
          if (byte === CLOSE) this.#mode = "end";
        }
      } else if (!isSpace(byte)) {
        if (this.#mode === "end") {
          throw fault(this.#file, this.#line, column(), "there is text behind the end of the list");
        }
        [this.#startLine, this.#startColumn] = [this.#line, column()];
        if (byte === OPEN) {
          this.#mode = "list";
          this.#depth = 1;
          from = i + 1;
          this.#startColumn++;
        } else {
          this.#mode = "lines";
          from = i;
        }
      }
    }
    this.#position = begun + chunk.length;
    if (this.#mode === "list" || this.#mode === "lines") {
      this.#buffer = join(this.#buffer, chunk.subarray(from));
    }
  }
}

function parse(piece: Piece, file: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(piece.bytes);
  } catch {
    throw fault(file, piece.line, piece.column, `row ${piece.row} is not UTF-8${otherContent(piece)}`);
  }
  const placed = (position: number, reason: string) => {
    const before = text.slice(0, position).split("\n");
    const line = piece.line + before.length - 1;
    return fault(
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
function otherContent({ bytes, row, line }: Piece): string {
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

function fault(file: string, line: number, column: number, reason: string): SyntaxError {
  return new SyntaxError(`Cannot read ${file}:${line}:${column} as JSON: ${reason}`);
}

function shorten(text: string, position: number): string {
  const from = Math.max(0, position - 30);
  const part = text.slice(from, position + 30).replaceAll(/\s+/g, " ").trim();
  return `${from > 0 ? "…" : ""}${part}${position + 30 < text.length ? "…" : ""}`;
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
