/**
 * `items.jsonl` of a run directory: one line per finished step of an item, only ever appended to. Of several
 * lines with the same item and step the last one counts. A line that a kill cut off is cut away when the file is opened; one that
 * isn't as it was written any more (`sum`) is refused.
 *
 * In memory there are only the places of the lines, under hashes of the ids: about 80 bytes per item, however long its answer.
 * @module
 */
import { join } from "@std/path";

import { type DirectoryLock, lockDirectory } from "../../formats/directory_lock.ts";
import { exists } from "../../formats/exists.ts";
import { IdTable } from "../../formats/records/ids.ts";
import { unsealed } from "../../formats/sealed_json.ts";
import { LineFile } from "./line_file.ts";
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

/** The file, open for reading and appending; its directory is locked, so that no other process writes to it. */
export class LineStore<State extends Line> implements Disposable {
  readonly #path: string;
  readonly #file: LineFile;
  readonly #lock: DirectoryLock | null;
  #slots = new IdTable();
  readonly #lines: Map<string, LinePlaces>;
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
    const isThere = !readOnly && exists(directory);
    this.#lock = isThere ? lockDirectory(directory, "write to") : null;
    try {
      this.#isKept = !provisional || readOnly || exists(this.#path);
      this.#file = new LineFile(directory, this.#path, { readOnly });
    } catch (error) {
      this.#lock?.[Symbol.dispose]();
      throw error;
    }
    try {
      this.dropped = this.#file.scan((...line) => this.#index(...line));
    } catch (error) {
      this.#file[Symbol.dispose]();
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
    const { offset, length } = this.#file.append(
      state,
      this.#forgotten.has(state.stage) ? { stage: "forget", what: state.stage } satisfies Forgotten : null,
    );
    this.#forgotten.delete(state.stage);
    this.#of(state.stage).set(this.#slots.add(state.id), offset, length, state.key);
    this.#file.flushIfMany();
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
    this.#file.clear();
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
    this.#file.flush();
  }

  /** A provisional file stays, empty or not. */
  keep(): void {
    this.#isKept = true;
  }

  /** Flushes and closes. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    if (!this.#isKept && this.#file.isEmpty) Deno.removeSync(this.#path);
    this.#lock?.[Symbol.dispose]();
  }

  #read(lines: LinePlaces, id: string): unknown {
    const place = lines.get(this.#slots.find(id));
    return place === undefined ? undefined : this.#file.read(place);
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
