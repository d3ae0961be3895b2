/**
 * Grammars of one vocabulary, compiled in Workers when they are first asked for and kept ready in this thread.
 * @module
 */
import type { CompiledGrammar } from "@mlc-ai/web-xgrammar";

import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import type { GrammarOptions } from "./grammar.ts";
import { type CompileSource, CompileWorker } from "./compile_worker.ts";
import type { Library } from "./library.ts";
import { GrammarGivenUp, GrammarTooSlow } from "./stopping.ts";

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
  /** Whether it has taken longer than small ones do. */
  isLarge: boolean;
}

/** One of the two places where grammars are compiled. */
interface Lane {
  worker: CompileWorker;
  /** Whether large ones leave it as soon as another one waits. */
  isQuick: boolean;
  job: Job | null;
  /** Aborted when what is compiled is to be given up. */
  given: AbortController;
  /** When its job was begun. */
  begun: number;
}

/** A grammar that takes longer is a large one. */
const QUICK_MS = 2000;
/** How long a grammar that took too long is refused without another try, and how many of them are known. */
const SLOW_MS = 600_000, MOST_SLOW = 256;
/** Copies of the library's memory that are kept ready. */
const MOST_LIBRARIES = 4;

/**
 * Compiles grammars, in the order in which they are asked for. Two at most are compiled at once, the second in a Worker that is
 * started for it and that large grammars leave for others: so a small one waits some seconds, and no longer, for large ones.
 */
export class Grammars {
  /** In the order of their last use. */
  readonly #ready = new Map<string, ReadyGrammar & { id: number }>();
  readonly #lanes: readonly Lane[];
  /** Those that took too long: they are refused at once for a while. */
  readonly #slow = new Map<string, { why: string; until: number }>();
  /** Not begun. */
  #queue: Job[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ids = 0;

  constructor(source: CompileSource, readonly quickMs: number = QUICK_MS) {
    this.#lanes = [false, true].map((isQuick) => ({
      worker: new CompileWorker(source),
      isQuick,
      job: null,
      given: new AbortController(),
      begun: 0,
    }));
  }

  /**
   * A compiled grammar.
   * @param endIds Ids that end an answer
   * @throws {MaskError} If it can't be followed
   * @throws {MaskMemoryError} If there was no memory for it
   * @throws The signal's reason when it fires
   */
  async get(options: GrammarOptions, endIds: readonly number[], signal?: AbortSignal): Promise<ReadyGrammar> {
    signal?.throwIfAborted();
    const key = JSON.stringify([endIds, options]), ready = this.#ready.get(key);
    // a library that couldn't grow has ended
    if (ready?.library.refusal() === null) {
      this.#ready.delete(key);
      this.#ready.set(key, ready);
      return ready;
    }
    const slow = this.#slow.get(key);
    if (slow !== undefined && performance.now() < slow.until) throw new MaskError(slow.why);
    const job = this.#jobOf(key) ?? this.#newJob(key, options, endIds);
    job.waiting++;
    this.#next();
    const left = Promise.withResolvers<never>(), leave = () => left.reject(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([job.done.promise, left.promise]);
    } finally {
      signal?.removeEventListener("abort", leave);
      job.waiting--;
      this.#next();
    }
  }

  /** Grammars that are being compiled. */
  get busy(): number {
    return this.#lanes.filter(({ job }) => job !== null).length;
  }

  /** Ends the Workers; the next grammar starts another. */
  close(): void {
    clearTimeout(this.#timer);
    for (const { worker } of this.#lanes) worker.close();
  }

  /** The job of a grammar that was asked for; one that is being given up begins again when somebody waits for it. */
  #jobOf(key: string): Job | undefined {
    return [...this.#lanes.map(({ job }) => job), ...this.#queue].find((job) => job?.key === key) ??
      undefined;
  }

  #newJob(key: string, options: GrammarOptions, endIds: readonly number[]): Job {
    const done = Promise.withResolvers<ReadyGrammar>();
    done.promise.catch(() => {}); // the last who waited may have left
    const job = { key, id: this.#ids++, options, endIds, waiting: 0, done, isLarge: false };
    this.#queue.push(job);
    return job;
  }

  /** Begins what can be begun, and gives up what others wait for. */
  #next(): void {
    // a grammar that nobody waits for isn't begun
    this.#queue = this.#queue.filter(({ waiting }) => waiting > 0);
    for (const lane of this.#lanes) {
      if (lane.job !== null) continue;
      const place = this.#queue.findIndex(({ isLarge }) => !(isLarge && lane.isQuick));
      const [job] = place < 0 ? [] : this.#queue.splice(place, 1);
      if (job !== undefined) this.#run(lane, job);
    }
    for (const lane of this.#lanes) {
      if (lane.job?.waiting === 0) lane.given.abort();
    }
    if (this.#queue.length === 0) return;
    const [, quick] = this.#lanes;
    if (quick?.job == null || !this.#queue.some(({ isLarge }) => !isLarge)) return;
    const left = quick.begun + this.quickMs - performance.now();
    if (left <= 0) return quick.given.abort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), left);
    Deno.unrefTimer(this.#timer);
  }

  async #run(lane: Lane, job: Job): Promise<void> {
    Object.assign(lane, { job, given: new AbortController(), begun: performance.now() });
    try {
      job.done.resolve(await this.#compile(lane, job));
    } catch (error) {
      if (error instanceof GrammarTooSlow) {
        this.#slow.delete(job.key);
        this.#slow.set(job.key, { why: error.message, until: performance.now() + SLOW_MS });
        const [oldest] = this.#slow.keys();
        if (oldest !== undefined && this.#slow.size > MOST_SLOW) this.#slow.delete(oldest);
        job.done.reject(new MaskError(error.message));
      } else if (error instanceof GrammarGivenUp && job.waiting > 0) {
        job.isLarge ||= lane.isQuick;
        this.#queue.unshift(job);
      } else job.done.reject(error);
    }
    lane.job = null;
    this.#next();
  }

  async #compile({ worker, given }: Lane, { key, id, options, endIds }: Job): Promise<ReadyGrammar> {
    const { library, grammars } = await worker.compile(id, options, endIds, given.signal);
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
