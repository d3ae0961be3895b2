/**
 * News for the page as server-sent events: the list of runs whenever something in it has changed.
 * @module
 */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";

/** Milliseconds between two looks at the folders while somebody watches. */
const LOOK_MS = 1000;

/** A comment is sent so often, so that a connection that is gone is noticed. */
const PING_MS = 15_000;

/** Looks at the folders while pages listen, once for all of them. */
export class News {
  readonly #look: () => Promise<unknown>;
  readonly #fault: (error: unknown) => void;
  readonly #listeners = new Set<(text: string) => void>();
  readonly #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = "";
  #looking: Promise<void> | null = null;

  /**
   * @param look Gives what the page is to know, as JSON holds it
   * @param fault Gets what a look threw while pages listen; the next one comes all the same
   */
  constructor(look: () => Promise<unknown>, fault: (error: unknown) => void) {
    this.#look = look;
    this.#fault = fault;
  }

  /** Looks now; listeners are told if anything has changed. */
  async look(): Promise<void> {
    this.#looking ??= this.#once().finally(() => this.#looking = null);
    await this.#looking;
  }

  async #once(): Promise<void> {
    const text = JSON.stringify(await this.#look());
    if (text === this.#last) return;
    this.#last = text;
    for (const listener of this.#listeners) listener(text);
  }

  /** A stream of events for one page. */
  stream(c: Context): Response {
    return streamSSE(c, async (sse) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const listener = (data: string) => void sse.writeSSE({ event: "runs", data });
      const ping = setInterval(() => void sse.write(": ping\n\n"), PING_MS);
      const end = () => resolve();
      this.#ending.signal.addEventListener("abort", end);
      sse.onAbort(end);
      this.#listeners.add(listener);
      this.#watch();
      try {
        if (this.#last !== "") listener(this.#last);
        if (!this.#ending.signal.aborted) await promise;
      } finally {
        clearInterval(ping);
        this.#ending.signal.removeEventListener("abort", end);
        this.#listeners.delete(listener);
        if (this.#listeners.size === 0) this.#rest();
      }
    });
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#ending.signal.aborted) return;
    const next = () => {
      this.#timer = setTimeout(
        () => void this.look().catch(this.#fault).finally(() => this.#timer && next()),
        LOOK_MS,
      );
    };
    next();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#rest();
    await this.#looking;
  }
}
