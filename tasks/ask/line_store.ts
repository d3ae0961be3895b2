/**
 * `items.jsonl` of a run directory: one line per finished step of an item, only ever appended to. Of several
 * lines with the same item and step the last one counts. A line that a kill cut off is cut away when the file is opened; one that
 * isn't as it was written any more (`sum`) is refused.
 *
 * In memory there are only the places of the lines, under hashes of the ids: about 80 bytes per item, however long its answer.
 * @module
 */
import { join } from "@std/path";

import { writeError } from "../../formats/atomic.ts";
import { type DirectoryLock, lockDirectory } from "../../formats/directory_lock.ts";
import { exists } from "../../formats/exists.ts";
import { withFileFault } from "../../formats/file_fault.ts";
import { IdTable } from "../../formats/records/ids.ts";
import { sealedJson, unsealed } from "../../formats/sealed_json.ts";
import { LinePlaces } from "./line_places.ts";

/** Fields of every line. */
export interface Line {
  /** Name of the step, such as `generate` or `ask`. */
  stage: string;
  /** Id of the item. */
  id: string;
  /** Hash of what decided it; with another one the step counts as not done. */
  key: string;
}

/** A line from which on the earlier lines of a step count no more. */
interface Forgotten {
  stage: "forget";
  what: string;
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

const FLUSH_EVERY = 256;
const CHUNK = 1 << 20;
const NEWLINE = 10;

/** The file, open for reading and appending; its directory is locked, so that no other process writes to it. */
export class LineStore<State extends Line> implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #readOnly: boolean;
  readonly #lock: DirectoryLock | null;
  #slots = new IdTable();
  readonly #lines: Map<string, LinePlaces>;
  readonly #encoder = new TextEncoder();
  #buffer = new Uint8Array(1 << 14);
  #end = 0;
  #unflushed = 0;
  #flushing = false;
  readonly #forgotten = new Map<string, number>();
  #replaced: { begin: () => void; by: string | undefined; held: State[] } | null = null;
  #isKept: boolean;

  /** Bytes of a cut-off line that were dropped on opening. */
  readonly dropped: number;

  /**
   * Opens or makes the file of a run directory.
   * @param stages Every step that a line may be of
   * @param options `readOnly`: changes nothing, and another process may be writing; `provisional`: a file that is made here and empty
   * when it is closed is taken away again, unless {@linkcode LineStore.keep} was called
   * @throws {RangeError} If it is missing (to read), or a line in its middle isn't a state
   * @throws {Error} If another process writes to the directory: names it
   */
  constructor(
    directory: string,
    stages: readonly State["stage"][],
    { readOnly = false, provisional = false }: { readOnly?: boolean; provisional?: boolean } = {},
  ) {
    this.#lines = new Map(stages.map((stage) => [stage, new LinePlaces()]));
    this.#path = join(directory, "items.jsonl");
    this.#readOnly = readOnly;
    const isThere = !readOnly && exists(directory);
    this.#lock = isThere ? lockDirectory(directory, "write to") : null;
    try {
      this.#isKept = !provisional || readOnly || exists(this.#path);
      this.#file = Deno.openSync(this.#path, { read: true, write: !readOnly, create: !readOnly });
    } catch (error) {
      this.#lock?.[Symbol.dispose]();
      throw unopened(directory, this.#path, error);
    }
    try {
      // on Linux a folder opens, and only reading it fails
      if (this.#file.statSync().isDirectory) {
        throw unopened(directory, this.#path, new Deno.errors.IsADirectory());
      }
      this.dropped = this.#scan();
    } catch (error) {
      this.#file.close();
      this.#lock?.[Symbol.dispose]();
      throw error;
    }
  }

  /** False: the file system knows no locks, so that nothing keeps a second process out. */
  get isLocked(): boolean {
    return this.#lock?.isHeld ?? false;
  }

  /** True if this step of an item was finished under this key. */
  has(stage: State["stage"], id: string, key: string): boolean {
    return this.#of(stage).has(this.#slots.find(id), key);
  }

  /** True if an item has a line of this step, under any key. */
  holds(stage: State["stage"], id: string): boolean {
    return this.#of(stage).get(this.#slots.find(id)) !== undefined;
  }

  /** Number of items of which this step was finished, under any key. */
  count(stage: State["stage"]): number {
    return this.#of(stage).count;
  }

  /** The last line of an item's step, or undefined when there is none. */
  find<Stage extends State["stage"]>(stage: Stage, id: string): Extract<State, { stage: Stage }> | undefined {
    return this.#read(this.#of(stage), id) as Extract<State, { stage: Stage }> | undefined;
  }

  /** Appends a line at once; it is flushed to the disk with others, see {@linkcode LineStore.flush}. */
  append(state: State): void {
    if (this.#replaced !== null) {
      const { begin, by, held } = this.#replaced;
      if (by !== undefined && state.stage !== by) {
        held.push(state);
        return;
      }
      // first: a kill between the two leaves lines that don't count for the new run, and not a run without its lines
      begin();
      this.clear();
      for (const line of held) this.append(line);
    }
    const { offset, length } = this.#append(
      state,
      this.#forgotten.has(state.stage) ? { stage: "forget", what: state.stage } : null,
    );
    this.#forgotten.delete(state.stage);
    this.#of(state.stage).set(this.#slots.add(state.id), offset, length, state.key);
    if (++this.#unflushed >= FLUSH_EVERY) this.flush();
  }

  #of(stage: string): LinePlaces {
    const lines = this.#lines.get(stage);
    if (lines === undefined) {
      throw new RangeError(
        `Cannot keep a step as ${[...this.#lines.keys()].join(", ")} is needed: current value is ${stage}`,
      );
    }
    return lines;
  }

  /** Writes a line, with one in front of it in the same piece; gives the place of the line. */
  #append(line: State, inFront: Forgotten | null): { offset: number; length: number } {
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
    return { offset, length: bytes.length - front.length - 1 };
  }

  /**
   * Forgets what is stored of one step, by a line that says so: the file is whole, however the process ends. It is written in one piece
   * with the step's next line, so that nothing is lost where none comes.
   */
  forget(stage: State["stage"]): void {
    if (this.count(stage) > 0) this.#forgotten.set(stage, this.count(stage));
    this.#of(stage).clear();
  }

  /**
   * Forgets everything for another run's lines. The file is emptied by the first of them, so that nothing is lost where none comes.
   * @param begin Called before that line: writes what belongs to the other run
   * @param by The step whose first line it is: those of other steps wait in memory until it comes. Absent: any step
   */
  replace(begin: () => void, by?: State["stage"]): void {
    for (const stage of this.#lines.keys()) this.forget(stage);
    this.#replaced = { begin, by, held: [] };
  }

  /** Number of items of which this step was finished and is forgotten by its next line; 0 once that came. */
  forgotten(stage: State["stage"]): number {
    return this.#forgotten.get(stage) ?? 0;
  }

  /** Forgets everything: the file is empty then. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#end = 0;
    this.#slots = new IdTable();
    this.#forgotten.clear();
    this.#replaced = null;
    for (const lines of this.#lines.values()) lines.clear();
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

  /** A provisional file stays, empty or not. */
  keep(): void {
    this.#isKept = true;
  }

  /** Flushes and closes. */
  [Symbol.dispose](): void {
    if (this.#unflushed > 0 || this.#flushing) this.#file.syncDataSync();
    this.#file.close();
    if (!this.#isKept && this.#end === 0) Deno.removeSync(this.#path);
    this.#lock?.[Symbol.dispose]();
  }

  #read(lines: LinePlaces, id: string): unknown {
    const line = lines.get(this.#slots.find(id));
    if (line === undefined) return undefined;
    if (this.#buffer.length < line.length) this.#buffer = new Uint8Array(2 * line.length);
    const bytes = this.#buffer.subarray(0, line.length);
    this.#file.seekSync(line.offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const n = this.#file.readSync(bytes.subarray(filled));
      if (n === null) throw new RangeError(`Cannot read ${this.#path}: it became shorter while it was open`);
      filled += n;
    }
    return unsealed(bytes).value;
  }

  /** Finds the lines; gives the number of bytes that were cut away at the end. */
  #scan(): number {
    const chunk = new Uint8Array(CHUNK);
    let rest = new Uint8Array(0);
    let offset = 0, number = 0;
    for (let n = this.#file.readSync(chunk); n !== null; n = this.#file.readSync(chunk)) {
      const bytes = new Uint8Array(rest.length + n);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, n), rest.length);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        this.#index(bytes.subarray(start, end), offset + start, ++number);
        start = end + 1;
      }
      offset += start;
      rest = bytes.slice(start);
    }
    this.#end = offset;
    if (rest.length > 0 && !this.#readOnly) this.#file.truncateSync(offset);
    return rest.length;
  }

  #index(bytes: Uint8Array<ArrayBuffer>, offset: number, number: number): void {
    const refuse = (why: string): never => {
      throw new RangeError(
        `Cannot read ${this.#path}:${number} (at byte ${offset}) as a line of a run: ${why}; restore the file, or remove that ` +
          "line: its step is done again, the others stay",
      );
    };
    let state: Partial<Line & Forgotten> | null;
    try {
      state = unsealed(bytes).value as Partial<Line & Forgotten> | null;
    } catch (error) {
      return refuse((error as Error).message);
    }
    if (state?.stage === "forget") {
      this.#lines.get(state.what ?? "")?.clear();
      return;
    }
    const { stage, id, key } = state ?? {};
    const lines = this.#lines.get(stage ?? "");
    if (lines === undefined || typeof id !== "string" || typeof key !== "string") {
      return refuse("stage, id or key is missing");
    }
    lines.set(this.#slots.add(id), offset, bytes.length, key);
  }
}
