/**
 * The curves of a run, read from its trainer_log.jsonl as it grows: a column of numbers for every name, one place a line.
 * @module
 */
import { join } from "@std/path";

import { f64 } from "../../../formats/elements.ts";

/** Lines that a log holds, and what each is measured by. */
export const AXES = ["step", "tokens", "time"] as const;

/** Horizontal axis of curves. */
export type Axis = typeof AXES[number];

/** LLaMA-Factory's names, and those that the board has for the same. */
const NAMES: Readonly<Record<string, string>> = {
  current_steps: "step",
  total_tokens: "tokens",
  accuracy: "rewards/accuracies",
  lr: "learning_rate",
};

/** Of the run as a whole and no curves. */
const NOT_CURVES = new Set(["total_steps", "percentage", "step", "tokens", "time", "epoch", "remaining"]);

const CHUNK = 1 << 20;
const NEWLINE = 10;

/** A log that is read again from where it was read to. */
export class CurveLog {
  readonly #directory: string;
  readonly #path: string;
  #columns = new Map<string, Column>();
  #lines = 0;
  #offset = 0;
  #inode: number | null = null;
  #stateRead: number | null = null;
  #last: Readonly<Record<string, unknown>> = {};
  /** Counts up with every change. */
  version = 0;

  /** @param directory Of the run */
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, "trainer_log.jsonl");
  }

  /** Lines read. */
  get length(): number {
    return this.#lines;
  }

  /** The last line as it is in the file. */
  get last(): Readonly<Record<string, unknown>> {
    return this.#last;
  }

  /** Names of curves with at least one value, in order of their first one. */
  get names(): string[] {
    return [...this.#columns.keys()].filter((name) => !NOT_CURVES.has(name));
  }

  /** Values of a name, one per line, NaN where a line has none; null for an unknown name. */
  column(name: string): Float64Array | null {
    return this.#columns.get(name)?.values(this.#lines) ?? null;
  }

  /** The last value of a name; null where there is none. */
  lastOf(name: string): number | null {
    const values = this.column(name);
    if (values === null) return null;
    const index = values.findLastIndex((value) => !Number.isNaN(value));
    return index < 0 ? null : f64(values, index);
  }

  /**
   * Reads what is new. A log that is shorter than before, or another file, is read from its beginning: the run was begun again.
   * @param entries Names of the files that may be read
   * @returns Whether anything has changed
   */
  update(entries: ReadonlySet<string>): boolean {
    const before = this.version;
    if (entries.has("trainer_log.jsonl")) this.#readLog();
    if (entries.has("trainer_state.json")) this.#readState();
    return this.version !== before;
  }

  #readLog(): void {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    try {
      const { size, ino } = file.statSync();
      if (size < this.#offset || ino !== this.#inode) this.#clear(ino);
      if (size > this.#offset) this.#read(file);
    } finally {
      file.close();
    }
  }

  #clear(inode: number | null): void {
    if (this.#lines > 0) this.version++;
    this.#columns = new Map();
    this.#lines = 0;
    this.#offset = 0;
    this.#stateRead = null;
    this.#inode = inode;
  }

  #read(file: Deno.FsFile): void {
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(CHUNK);
    let rest = new Uint8Array(0);
    file.seekSync(this.#offset, Deno.SeekMode.Start);
    for (let n = file.readSync(chunk); n !== null; n = file.readSync(chunk)) {
      const bytes = new Uint8Array(rest.length + n);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, n), rest.length);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      // a line that is being written is read when it is whole
      for (const line of decoder.decode(bytes.subarray(0, end)).split("\n")) this.#add(line);
      this.#offset += end;
      rest = bytes.slice(end);
    }
  }

  #add(line: string): void {
    if (line === "") return;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      // another program's half line must not hide the rest of a run
      return;
    }
    if (typeof row !== "object" || row === null || !("current_steps" in row)) return;
    this.#last = row as Record<string, unknown>;
    for (const [name, value] of Object.entries(row)) {
      const number = typeof value === "number" ? value : seconds(value);
      if (number === null) continue;
      const known = name === "elapsed_time"
        ? "time"
        : name === "remaining_time"
        ? "remaining"
        : NAMES[name] ?? name;
      this.#set(known, this.#lines, number);
    }
    this.#lines++;
    this.version++;
  }

  #set(name: string, line: number, value: number): void {
    let column = this.#columns.get(name);
    if (column === undefined) this.#columns.set(name, column = new Column());
    column.set(line, value);
  }

  /**
   * Values that the log lacks and trainer_state.json has, by their step: earlier versions and LLaMA-Factory write margins and
   * norms only there. A run without a log gets its curves from there alone.
   */
  #readState(): void {
    if (this.#columns.has("grad_norm") && this.#lines > 0) return;
    const path = join(this.#directory, "trainer_state.json");
    let history: unknown;
    try {
      const changed = Deno.statSync(path).mtime?.getTime() ?? 0;
      if (changed === this.#stateRead) return;
      this.#stateRead = changed;
      history = (JSON.parse(Deno.readTextFileSync(path)) as Record<string, unknown>)["log_history"];
    } catch {
      return;
    }
    if (!Array.isArray(history)) return;
    const steps = this.column("step") ?? new Float64Array(0);
    const alone = this.#lines === 0;
    let line = 0;
    for (const entry of history as Record<string, unknown>[]) {
      if (typeof entry?.["step"] !== "number" || "train_runtime" in entry) continue;
      if (alone) line = this.#lines++;
      else {
        const isEvaluation = "eval_loss" in entry;
        const evaluated = this.column("eval_loss");
        while (
          line < steps.length &&
          (f64(steps, line) < entry["step"] ||
            (steps[line] === entry["step"] && !Number.isNaN(evaluated?.[line] ?? NaN) !== isEvaluation))
        ) line++;
        if (steps[line] !== entry["step"]) continue;
      }
      for (const [name, value] of Object.entries(entry)) {
        if (typeof value === "number" && (alone || name !== "step")) this.#set(name, line, value);
      }
    }
    this.version++;
  }
}

/** Seconds of `h:mm:ss`, or `d days, h:mm:ss` as Python writes longer ones; null for anything else. */
export function seconds(text: unknown): number | null {
  if (typeof text !== "string") return null;
  const [, days = "0", h, m, s] = /^(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)$/.exec(text) ?? [];
  return s === undefined ? null : ((Number(days) * 24 + Number(h)) * 60 + Number(m)) * 60 + Number(s);
}

/** Numbers that grow by places; what was never set is NaN. */
class Column {
  #values = new Float64Array(64).fill(NaN);

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const larger = new Float64Array(Math.max(index + 1, 2 * this.#values.length)).fill(NaN);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[index] = value;
  }

  values(length: number): Float64Array {
    if (this.#values.length < length) this.set(length, NaN);
    return this.#values.subarray(0, length);
  }
}
