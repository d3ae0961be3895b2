/**
 * A file of sealed JSON lines, open for reading and appending: whole lines only, whatever ends the process. A line that a kill cut off
 * is cut away when the file is opened.
 * @module
 */
import { writeError } from "../../formats/atomic.ts";
import { exists } from "../../formats/exists.ts";
import { withFileFault } from "../../formats/file_fault.ts";
import { sealedJson, unsealed } from "../../formats/sealed_json.ts";

/** Where a line stands. */
export interface LinePlace {
  /** Of its first byte. */
  offset: number;
  /** Bytes, without the newline. */
  length: number;
}

const FLUSH_EVERY = 256;
const CHUNK = 1 << 20;
const NEWLINE = 10;

/** The file. */
export class LineFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #readOnly: boolean;
  readonly #encoder = new TextEncoder();
  #buffer = new Uint8Array(1 << 14);
  #end = 0;
  #unflushed = 0;
  #flushing = false;

  /**
   * Opens or makes the file in the folder of a run.
   * @throws {RangeError} If it is missing (to read) or can't be opened
   */
  constructor(directory: string, path: string, { readOnly }: { readOnly: boolean }) {
    this.#path = path;
    this.#readOnly = readOnly;
    try {
      this.#file = Deno.openSync(path, { read: true, write: !readOnly, create: !readOnly });
    } catch (error) {
      throw unopened(directory, path, error);
    }
    try {
      // on Linux a folder opens, and only reading it fails
      if (this.#file.statSync().isDirectory) throw unopened(directory, path, new Deno.errors.IsADirectory());
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** True if it has no line. */
  get isEmpty(): boolean {
    return this.#end === 0;
  }

  /**
   * Reads all lines, and cuts away what a kill left at the end.
   * @param see Gets each line's bytes, which are read over afterwards, its offset and its number, from 1
   * @returns Bytes that were cut away
   */
  scan(see: (bytes: Uint8Array<ArrayBuffer>, offset: number, number: number) => void): number {
    const chunk = new Uint8Array(CHUNK);
    let rest = new Uint8Array(0);
    let offset = 0, number = 0;
    for (let n = this.#file.readSync(chunk); n !== null; n = this.#file.readSync(chunk)) {
      const bytes = new Uint8Array(rest.length + n);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, n), rest.length);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        see(bytes.subarray(start, end), offset + start, ++number);
        start = end + 1;
      }
      offset += start;
      rest = bytes.slice(start);
    }
    this.#end = offset;
    if (rest.length > 0 && !this.#readOnly) this.#file.truncateSync(offset);
    return rest.length;
  }

  /**
   * Appends a line at once; it is flushed to the disk with others, see {@linkcode LineFile.flush}.
   * @param inFront A line of ASCII that is written in front of it in the same piece; null: none
   */
  append(line: object, inFront: object | null): LinePlace {
    const front = inFront === null ? "" : `${sealedJson(inFront)}\n`;
    const bytes = this.#encoder.encode(`${front}${sealedJson(line)}\n`);
    // what stands in front is of ASCII
    const offset = this.#end + front.length;
    try {
      this.#file.seekSync(this.#end, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) written += this.#file.writeSync(bytes.subarray(written));
    } catch (error) {
      // what a full disk cut off must not stand in front of a later line
      try {
        this.#file.truncateSync(this.#end);
      } catch { /* the next opening cuts it away */ }
      throw writeError(error, this.#path);
    }
    this.#end += bytes.length;
    this.#unflushed++;
    return { offset, length: bytes.length - front.length - 1 };
  }

  /** A line's value. @throws {RangeError} If the file became shorter, or the line isn't as it was written */
  read({ offset, length }: LinePlace): unknown {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(2 * length);
    const bytes = this.#buffer.subarray(0, length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const n = this.#file.readSync(bytes.subarray(filled));
      if (n === null) throw new RangeError(`Cannot read ${this.#path}: it became shorter while it was open`);
      filled += n;
    }
    return unsealed(bytes).value;
  }

  /** Empties it. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#end = 0;
  }

  /** Flushes where so many lines were written that a power cut would take much. */
  flushIfMany(): void {
    if (this.#unflushed >= FLUSH_EVERY) this.flush();
  }

  /**
   * Flushes to the disk in the background: a busy disk may take seconds, and requests continue meanwhile. What was written is
   * safe from a kill in any case; flushing is against power cuts.
   */
  flush(): void {
    if (this.#unflushed === 0 || this.#flushing) return;
    this.#unflushed = 0;
    this.#flushing = true;
    this.#file.syncData().catch(() => {}).finally(() => this.#flushing = false);
  }

  /** Flushes and closes. */
  [Symbol.dispose](): void {
    if (this.#unflushed > 0 || this.#flushing) this.#file.syncDataSync();
    this.#file.close();
  }
}

function unopened(directory: string, path: string, cause: unknown): RangeError {
  if (cause instanceof Deno.errors.NotFound && exists(directory)) {
    return new RangeError(
      `Cannot read ${directory} as the folder of a run: it has no items.jsonl, in which each item's answers are; copy the whole ` +
        "folder, or run it again",
      { cause },
    );
  }
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such folder"
    : cause instanceof Deno.errors.IsADirectory
    ? "it is a folder, and a file is needed"
    : withFileFault((cause as Error).message);
  return new RangeError(`Cannot open ${path}: ${why}`, { cause });
}
