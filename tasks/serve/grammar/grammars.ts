/**
 * Grammars of one vocabulary, compiled in a Worker when they are first asked for and kept ready in this thread.
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";

import { connect, type WorkerConnection } from "../../../kernels/engine/worker_call.ts";
import type { GrammarOptions } from "../grammar.ts";
import { type Library, libraryCode } from "./library.ts";
import { type Moved, openMoved } from "./moved.ts";

/** A grammar that is ready. */
export interface ReadyGrammar {
  library: Library;
  compiled: CompiledGrammar;
}

/** A grammar that waits to be compiled, or is. */
interface Job {
  key: string;
  id: number;
  options: GrammarOptions;
  endIds: readonly number[];
  /** Requests that wait for it. */
  waiting: number;
  done: PromiseWithResolvers<ReadyGrammar>;
  /** Aborted when nobody waits for it any more and another one is to be compiled. */
  given: AbortController;
}

/** The Worker ends when it had nothing to do for so long. */
const IDLE_MS = 60_000;
/** Copies of the library's memory that are kept ready. */
const MOST_LIBRARIES = 4;

/** Compiles grammars one at a time, in the order in which they are asked for. */
export class Grammars {
  /** In the order of their last use. */
  readonly #ready = new Map<string, ReadyGrammar & { id: number }>();
  /** The first one is being compiled. */
  #jobs: Job[] = [];
  #worker: WorkerConnection | null = null;
  #code: string | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #ids = 0;

  /** @param texts Makes the tokens' texts by id, when they are needed */
  constructor(readonly texts: () => readonly string[]) {}

  /**
   * A compiled grammar.
   * @param endIds Ids that end an answer
   * @throws {RangeError} If the library can't follow it
   * @throws The signal's reason when it fires
   */
  async get(options: GrammarOptions, endIds: readonly number[], signal?: AbortSignal): Promise<ReadyGrammar> {
    signal?.throwIfAborted();
    const key = JSON.stringify([endIds, options]), ready = this.#ready.get(key);
    if (ready !== undefined) {
      this.#ready.delete(key);
      this.#ready.set(key, ready);
      return ready;
    }
    let job = this.#jobs.find((each) => each.key === key && !each.given.signal.aborted);
    if (job === undefined) {
      const done = Promise.withResolvers<ReadyGrammar>();
      done.promise.catch(() => {}); // the last who waited may have left
      job = { key, id: this.#ids++, options, endIds, waiting: 0, done, given: new AbortController() };
      this.#jobs.push(job);
      if (this.#jobs.length === 1) this.#compileAll();
    }
    job.waiting++;
    this.#makeWay();
    const left = Promise.withResolvers<never>(), leave = () => left.reject(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([job.done.promise, left.promise]);
    } finally {
      signal?.removeEventListener("abort", leave);
      job.waiting--;
      this.#makeWay();
    }
  }

  /** Ends the Worker; the next grammar starts another. */
  close(): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** A grammar that nobody waits for isn't begun, and one that is being compiled is given up for another. */
  #makeWay(): void {
    const [first] = this.#jobs;
    this.#jobs = this.#jobs.filter((job) => job === first || job.waiting > 0);
    if (first?.waiting === 0 && this.#jobs.length > 1) first.given.abort();
  }

  async #compileAll(): Promise<void> {
    clearTimeout(this.#idle);
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      try {
        job.done.resolve(await this.#compile(job));
      } catch (error) {
        // it may be at work still, or broken
        if (!(error instanceof RangeError)) this.close();
        job.done.reject(error);
      }
      this.#jobs.shift();
    }
    this.#idle = setTimeout(() => this.close(), IDLE_MS);
    Deno.unrefTimer(this.#idle);
  }

  async #compile({ key, id, options, endIds, given: { signal } }: Job): Promise<ReadyGrammar> {
    const code = this.#code ??= libraryCode();
    if (this.#worker === null) {
      this.#worker = connect(new URL("./worker.ts", import.meta.url), "grammar", [], "none");
      await this.#worker.call("open", [code, this.texts()], { signal });
    }
    const moved = await this.#worker.call<Moved>("compile", [id, options, endIds], { signal });
    const { library, grammars } = await openMoved(code, moved);
    // the others of the same memory are in the copy as well: the one before can go when its answers have ended
    for (const ready of this.#ready.values()) {
      const compiled = grammars.get(ready.id);
      if (compiled) Object.assign(ready, { library, compiled });
    }
    const compiled = grammars.get(id);
    if (compiled === undefined) throw new TypeError(`Cannot find grammar ${id} in its memory`);
    const ready = { id, library, compiled };
    this.#ready.set(key, ready);
    this.#forget();
    return ready;
  }

  #forget(): void {
    for (const [key, { library }] of this.#ready) {
      if (new Set([...this.#ready.values()].map((each) => each.library)).size <= MOST_LIBRARIES) return;
      if (library !== [...this.#ready.values()].at(-1)?.library) this.#ready.delete(key);
    }
  }
}
