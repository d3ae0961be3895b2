/**
 * `items.jsonl` of a run directory: each item's answer and verdicts, one line per finished step, only ever appended to. Of several
 * lines with the same item and step the last one counts. A line that a kill cut off is cut away when the file is opened.
 *
 * In memory there are only the places of the lines, under hashes of the ids: about 80 bytes per item, however long its answer.
 * @module
 */
import { join } from "@std/path";

import { writeError } from "../../formats/atomic.ts";
import { IdTable } from "../../formats/records/ids.ts";
import type { Judgement } from "../../plugins/kinds/judgement.ts";
import type { Completion } from "../../plugins/kinds/endpoint.ts";

/** An item's answer. */
export interface AnswerState {
  /** Step. */
  stage: "generate";
  /** Id of the item. */
  id: string;
  /** Hash of what decided it; with another one the item counts as not answered. */
  key: string;
  /** What came back. */
  completion: Completion;
  /** Milliseconds that it took; 0 for cached answers. */
  ms: number;
  /** Whether it came from the cache. */
  cached: boolean;
  /** When it was made, ISO 8601; absent in runs of older versions. */
  made?: string;
}

/** An item's judgement; null when the judge couldn't be asked. */
export interface JudgementState {
  /** Step. */
  stage: "judge";
  /** Id of the item. */
  id: string;
  /** Hash of what decided it, the answer included. */
  key: string;
  /** What was found; null with `error`. */
  judgement: Judgement | null;
  /** Why there is no judgement. */
  error?: string;
  /** Requests that it took; cached ones not counted. */
  requests: number;
  /** Answers of the judge that came from the cache; absent in runs of older versions. */
  cached?: number;
  /** When the oldest of these was made, ISO 8601. */
  made?: string;
  /** Tokens of these requests and their answers. */
  promptTokens: number;
  /** Tokens of the answers. */
  completionTokens: number;
  /** True: at least one of the counts is estimated from characters. */
  estimated?: boolean;
  /** Milliseconds that it took. */
  ms: number;
}

/** One line. */
export type ItemState = AnswerState | JudgementState;

/** A line from which on the earlier lines of a step count no more. */
interface Forgotten {
  stage: "forget";
  what: ItemState["stage"];
}

/** Places of the lines of one step, one slot per item: 20 bytes each. */
class Lines {
  #offsets = new Float64Array(1024);
  #lengths = new Uint32Array(1024);
  #keys = new Float64Array(1024);
  /** Slots in use. */
  count = 0;

  set(slot: number, offset: number, length: number, key: string): void {
    if (slot >= this.#offsets.length) {
      const size = Math.max(slot + 1, 2 * this.#offsets.length);
      this.#offsets = enlarged(this.#offsets, new Float64Array(size));
      this.#lengths = enlarged(this.#lengths, new Uint32Array(size));
      this.#keys = enlarged(this.#keys, new Float64Array(size));
    }
    if (this.#lengths[slot] === 0) this.count++;
    this.#offsets[slot] = offset;
    this.#lengths[slot] = length;
    this.#keys[slot] = short(key);
  }

  /** Place of a slot's line; undefined when there is none. */
  get(slot: number | undefined): { offset: number; length: number } | undefined {
    if (slot === undefined) return undefined;
    const length = this.#lengths[slot] ?? 0;
    return length === 0 ? undefined : { offset: this.#offsets[slot]!, length };
  }

  has(slot: number | undefined, key: string): boolean {
    return slot !== undefined && (this.#lengths[slot] ?? 0) > 0 && this.#keys[slot] === short(key);
  }
}

function enlarged<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** 52 bits of a key, which is a hash; NaN, which equals nothing, for "". */
function short(key: string): number {
  return parseInt(key.slice(0, 13), 16);
}

const FLUSH_EVERY = 256;
const CHUNK = 1 << 20;
const NEWLINE = 10;

/** The file, open for reading and appending; locked, so that no other process writes to it. */
export class ItemStore implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #readOnly: boolean;
  #slots = new IdTable();
  #lines: Record<ItemState["stage"], Lines> = { generate: new Lines(), judge: new Lines() };
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #buffer = new Uint8Array(1 << 14);
  #end = 0;
  #unflushed = 0;
  #flushing = false;

  /** Bytes of a cut-off line that were dropped on opening. */
  readonly dropped: number;

  /**
   * Opens or makes the file of a run directory.
   * @param options `readOnly`: changes nothing, and another process may be writing
   * @throws {RangeError} If it is missing (to read), another process has it open, or a line in its middle isn't a state
   */
  constructor(directory: string, { readOnly = false }: { readOnly?: boolean } = {}) {
    this.#path = join(directory, "items.jsonl");
    this.#readOnly = readOnly;
    try {
      this.#file = Deno.openSync(this.#path, { read: true, write: !readOnly, create: !readOnly });
    } catch (error) {
      throw new RangeError(`Cannot open ${this.#path}: ${(error as Error).message}`, { cause: error });
    }
    try {
      if (!readOnly && !this.#file.tryLockSync(true)) {
        throw new RangeError(
          `Cannot write ${this.#path} as another process has it open: wait for it, or choose another out_dir`,
        );
      }
      this.dropped = this.#scan();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Whether this step of an item was finished under this key. */
  has(stage: ItemState["stage"], id: string, key: string): boolean {
    return this.#lines[stage].has(this.#slots.find(id), key);
  }

  /** Number of items with a line of this step. */
  count(stage: ItemState["stage"]): number {
    return this.#lines[stage].count;
  }

  /** An item's answer, or undefined when there is none. */
  answer(id: string): AnswerState | undefined {
    return this.#read("generate", id) as AnswerState | undefined;
  }

  /** An item's judgement, or undefined when there is none. */
  judgement(id: string): JudgementState | undefined {
    return this.#read("judge", id) as JudgementState | undefined;
  }

  /** Appends a line at once; it is flushed to the disk with others, see {@linkcode ItemStore.flush}. */
  append(state: ItemState): void {
    const { offset, length } = this.#append(state);
    this.#lines[state.stage].set(this.#slots.add(state.id), offset, length, state.key);
    if (++this.#unflushed >= FLUSH_EVERY) this.flush();
  }

  #append(line: ItemState | Forgotten): { offset: number; length: number } {
    const bytes = this.#encoder.encode(JSON.stringify(line) + "\n");
    const offset = this.#end;
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
    return { offset, length: bytes.length - 1 };
  }

  /**
   * Forgets what is stored of one step, by a line that says so: the file is whole, however the process ends.
   */
  forget(stage: ItemState["stage"]): void {
    this.#append({ stage: "forget", what: stage });
    this.#lines[stage] = new Lines();
  }

  /** Forgets everything: the file is empty then. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#end = 0;
    this.#slots = new IdTable();
    this.#lines = { generate: new Lines(), judge: new Lines() };
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
    // a flush still in progress keeps the file, and with it the lock, open a little longer
    if (!this.#readOnly) this.#file.unlockSync();
    this.#file.close();
  }

  #read(stage: ItemState["stage"], id: string): ItemState | undefined {
    const line = this.#lines[stage].get(this.#slots.find(id));
    if (line === undefined) return undefined;
    if (this.#buffer.length < line.length) this.#buffer = new Uint8Array(2 * line.length);
    const bytes = this.#buffer.subarray(0, line.length);
    this.#file.seekSync(line.offset, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const n = this.#file.readSync(bytes.subarray(filled));
      if (n === null) throw new RangeError(`Cannot read ${this.#path}: it became shorter while it was open`);
      filled += n;
    }
    return JSON.parse(this.#decoder.decode(bytes)) as ItemState;
  }

  /** Finds the lines; gives the number of bytes that were cut away at the end. */
  #scan(): number {
    const chunk = new Uint8Array(CHUNK);
    let rest = new Uint8Array(0);
    let offset = 0;
    for (let n = this.#file.readSync(chunk); n !== null; n = this.#file.readSync(chunk)) {
      const bytes = new Uint8Array(rest.length + n);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, n), rest.length);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        this.#index(bytes.subarray(start, end), offset + start);
        start = end + 1;
      }
      offset += start;
      rest = bytes.slice(start);
    }
    this.#end = offset;
    if (rest.length > 0 && !this.#readOnly) this.#file.truncateSync(offset);
    return rest.length;
  }

  #index(bytes: Uint8Array, offset: number): void {
    let state: Partial<ItemState> | Forgotten | null;
    try {
      state = JSON.parse(this.#decoder.decode(bytes)) as Partial<ItemState> | Forgotten | null;
    } catch (error) {
      throw new RangeError(
        `Cannot read ${this.#path} at byte ${offset} as a line of a run: ${(error as Error).message}; ` +
          "restore the file, or remove it to start from the beginning",
      );
    }
    if (state?.stage === "forget") {
      if (state.what in this.#lines) this.#lines[state.what] = new Lines();
      return;
    }
    const { stage, id, key } = state ?? {};
    if ((stage !== "generate" && stage !== "judge") || typeof id !== "string" || typeof key !== "string") {
      throw new RangeError(
        `Cannot read ${this.#path} at byte ${offset} as a line of a run: stage, id or key is missing`,
      );
    }
    this.#lines[stage].set(this.#slots.add(id), offset, bytes.length, key);
  }
}
