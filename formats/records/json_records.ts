/**
 * Records of a JSON file, read piece by piece: a list of records, or one record a line (JSON Lines). What a file is is seen
 * from its first character, not from its name, as in Hugging Face's reader.
 * @module
 */
import { jsonFault, type JsonPiece, parsePiece } from "./json_piece.ts";
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
      throw jsonFault(
        this.#file,
        this.#startLine,
        this.#startColumn,
        `the file ends inside the list; its last record (row ${this.#row}) starts here`,
      );
    }
    if (this.#mode === "lines" && !isBlank(this.#buffer)) yield this.#record(this.#take(this.#buffer));
  }

  #record(piece: JsonPiece): RawRecord {
    const { bytes, row } = piece;
    let line = piece.line;
    for (let i = 0; i < bytes.length && isSpace(bytes[i]!); i++) if (bytes[i] === NEWLINE) line++;
    return { value: parsePiece(piece, this.#file), row, line };
  }

  #take(bytes: Uint8Array): JsonPiece {
    return {
      bytes,
      row: this.#row++,
      line: this.#startLine,
      column: this.#startColumn,
      isLine: this.#mode === "lines",
    };
  }

  /** Cuts into records without parsing them: only brackets, quotes and commas are looked at. */
  *#pieces(read: Uint8Array): Generator<JsonPiece> {
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
          throw jsonFault(this.#file, this.#line, column(), "there is text behind the end of the list");
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
