/**
 * Events of a stream, several in one message: waking the other thread costs about as much as choosing a token.
 * @module
 */

/** Milliseconds between two messages of a stream, at least. */
export const COALESCE_MS = 20;

/** Collects events; gives the first at once, then what came in between every {@linkcode COALESCE_MS}. */
export class Coalescer<T> {
  #waiting: T[] = [];
  #last = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(readonly send: (events: T[]) => void, readonly now: () => number = () => performance.now()) {}

  push(event: T): void {
    this.#waiting.push(event);
    if (this.now() - this.#last >= COALESCE_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), COALESCE_MS);
  }

  /** Gives what is there. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const events = this.#waiting;
    [this.#waiting, this.#last] = [[], this.now()];
    this.send(events);
  }
}
