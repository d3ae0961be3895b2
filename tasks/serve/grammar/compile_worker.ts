/**
 * A Worker that compiles grammars, started with the first of them.
 * @module
 */
import { MaskError, MaskMemoryError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { connect, type WorkerConnection } from "../../../kernels/engine/worker/worker_call.ts";
import type { GrammarOptions } from "./grammar.ts";
import { libraryCode } from "./library.ts";
import { type Arrived, type Moved, openMoved } from "./moved.ts";
import { giveUp, GrammarGivenUp, GrammarTooSlow, type Stop } from "./stopping.ts";

/** The Worker ends when it had nothing to do for so long. */
const IDLE_MS = 60_000;

/** Time that one grammar may take. */
const MOST_MS = 120_000;

/** Data and steps of compiling that don't change. */
export interface CompileSource {
  /** Makes the tokens' texts by id, when they are needed. */
  texts(): readonly string[];
  /** Brings grammars into this thread; in a test it may fail. */
  open?: typeof openMoved;
  /** Milliseconds that a grammar may take; in a test fewer. */
  mostMs?: number;
}

let code: string | undefined;

/** Compiles one grammar at a time. */
export class CompileWorker {
  #worker: WorkerConnection | null = null;
  /** Stops what is compiled, which an ended Worker would go on with. */
  #give: (() => void) | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly source: CompileSource) {}

  /**
   * Compiles a grammar; the ones before it come with it as long as they lie in the same memory.
   * @param id Its number
   * @param endIds Ids that end an answer
   * @throws {MaskError} If it can't be followed
   * @throws {MaskMemoryError} If there was no memory for it
   * @throws {GrammarTooSlow} If it takes longer than a grammar may
   * @throws {GrammarGivenUp} Some time after the signal has fired, as soon as the library gives way
   */
  async compile(
    id: number,
    options: GrammarOptions,
    endIds: readonly number[],
    signal: AbortSignal,
  ): Promise<Arrived> {
    clearTimeout(this.#idle);
    try {
      return await this.#compile(id, options, endIds, signal);
    } catch (error) {
      // it may be at work still, or broken
      if (
        !(error instanceof MaskError || error instanceof GrammarTooSlow || error instanceof GrammarGivenUp)
      ) {
        this.close();
      }
      throw error;
    } finally {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.close(), IDLE_MS);
      Deno.unrefTimer(this.#idle);
    }
  }

  /** Ends the Worker; the next grammar starts another. */
  close(): void {
    clearTimeout(this.#idle);
    this.#give?.();
    this.#worker?.terminate();
    this.#worker = null;
  }

  async #compile(...[id, options, endIds, signal]: Parameters<CompileWorker["compile"]>): Promise<Arrived> {
    const { texts, open = openMoved, mostMs = MOST_MS } = this.source, library = code ??= libraryCode();
    if (this.#worker === null) {
      const url = new URL("./worker.ts", import.meta.url);
      this.#worker = connect(url, "grammar", [
        MaskError,
        MaskMemoryError,
        GrammarGivenUp,
        GrammarTooSlow,
      ], "none");
      await this.#worker.call("open", [library, texts()]);
    }
    const stop: Stop = { flag: new SharedArrayBuffer(4), mostMs }, given = () => giveUp(stop.flag);
    this.#give = given;
    if (signal.aborted) given();
    signal.addEventListener("abort", given, { once: true });
    try {
      const moved = await this.#worker.call<Moved>("compile", [id, { options, endIds, stop }]);
      return await open(library, moved);
    } finally {
      signal.removeEventListener("abort", given);
    }
  }
}
