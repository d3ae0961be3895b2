/**
 * The curves of a run, read from its trainer_log.jsonl as it grows: a column of numbers for every name, one place a line.
 * @module
 */
import { join } from "@std/path";

import { f64 } from "../../../formats/elements.ts";
import { ifReadable } from "../readable.ts";

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
/** Bytes of a line at most; a longer one is no line of a log. */
const MOST_LINE = 1 << 20;

/** A log that is read again from where it was read to. */
export class CurveLog {
  readonly #directory: string;
  readonly #path: string;
  #columns = new Map<string, Column>();
  #lines = 0;
  #offset = 0;
  #inode: number | null = null;
  #stateRead: number | null = null;
  #isOverlong = false;
  #begins = new Map<Axis, number>();
  #ends = new Map<Axis, number>();
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
   * Lines that can't be read are left out. Others have their turn while a long log is read.
   * @param entries Names of the files that may be read
   */
  async update(entries: ReadonlySet<string>): Promise<void> {
    if (entries.has("trainer_log.jsonl")) await this.#readLog();
    if (entries.has("trainer_state.json")) this.#readState();
  }

  async #readLog(): Promise<void> {
    using file = ifReadable(() => Deno.openSync(this.#path));
    if (file === null) return;
    const { size, ino } = file.statSync();
    if (size < this.#offset || ino !== this.#inode) this.#clear(ino);
    if (size > this.#offset) await this.#read(file);
  }

  #clear(inode: number | null): void {
    if (this.#lines > 0) this.version++;
    this.#columns = new Map();
    this.#lines = 0;
    this.#offset = 0;
    this.#stateRead = null;
    this.#isOverlong = false;
    this.#begins = new Map();
    this.#ends = new Map();
    this.#inode = inode;
  }

  async #read(file: Deno.FsFile): Promise<void> {
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
      const lines = decoder.decode(bytes.subarray(0, end)).split("\n");
      if (this.#isOverlong && end > 0) lines.shift();
      for (const line of lines) this.#add(line);
      this.#isOverlong &&= end === 0;
      this.#offset += end;
      rest = bytes.slice(end);
      if (rest.length > MOST_LINE) {
        this.#isOverlong = true;
        this.#offset += rest.length;
        rest = new Uint8Array(0);
      }
      await new Promise((done) => setTimeout(done));
    }
  }

  #add(line: string): void {
    if (line === "") return;
    const row = rowOf(line);
    if (typeof row !== "object" || row === null || !("current_steps" in row)) return;
    this.#last = row as Record<string, unknown>;
    const step = row.current_steps;
    if (typeof step === "number" && step < (this.#ends.get("step") ?? -Infinity)) this.#dropFrom(step);
    for (const [name, value] of Object.entries(row)) {
      const number = typeof value === "number" ? value : seconds(value);
      if (number === null) continue;
      const known = name === "elapsed_time"
        ? "time"
        : name === "remaining_time"
        ? "remaining"
        : NAMES[name] ?? name;
      this.#set(known, this.#lines, isAxis(known) ? this.#onward(known, number) : number);
    }
    this.#lines++;
    this.version++;
  }

  /** A run that went on from a checkpoint does steps again: of each the last one counts. */
  #dropFrom(step: number): void {
    this.#lines = this.column("step")?.findIndex((earlier) => earlier >= step) ?? 0;
    for (const [name, column] of this.#columns) {
      column.forget(this.#lines);
      if (this.lastOf(name) === null) this.#columns.delete(name);
    }
    for (const axis of AXES) this.#ends.set(axis, this.lastOf(axis) ?? -Infinity);
  }

  /** A process that goes on with a run may count time and tokens from 0 again, and an axis never falls. */
  #onward(axis: Axis, value: number): number {
    const before = this.#ends.get(axis) ?? -Infinity;
    if (value + (this.#begins.get(axis) ?? 0) < before) this.#begins.set(axis, before);
    const place = value + (this.#begins.get(axis) ?? 0);
    this.#ends.set(axis, place);
    return place;
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

/** Python writes NaN and Infinity, which JSON has not: no values, in a line that counts. Half a line hides no others. */
function rowOf(line: string): unknown {
  for (const text of [line, line.replace(/(?<=[:,[]\s*)(NaN|-?Infinity)(?=\s*[,}\]])/g, "null")]) {
    try {
      return JSON.parse(text);
    } catch { /* tried again, or no line of a log */ }
  }
  return null;
}

function isAxis(name: string): name is Axis {
  return (AXES as readonly string[]).includes(name);
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

  /** Takes back what was set from here on. */
  forget(length: number): void {
    this.#values.fill(NaN, length);
  }

  values(length: number): Float64Array {
    if (this.#values.length < length) this.set(length, NaN);
    return this.#values.subarray(0, length);
  }
}
