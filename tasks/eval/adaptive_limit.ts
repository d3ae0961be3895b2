/**
 * How many requests an endpoint gets at once: doubled a round until it first complains, then one more a round; halved when
 * it complains (429, 5xx, a timeout); and a pause where it says how long to wait.
 *
 * Jacobson 1988, "Congestion Avoidance and Control" (slow start, additive increase, multiplicative decrease).
 * @module
 */

/** What stands in for the clock in tests. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Waits so many milliseconds, less when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The real clock. */
export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    }),
};

/** One endpoint's limit. */
export class AdaptiveLimit {
  readonly #max: number;
  readonly #clock: Clock;
  #limit: number;
  #slowStart = true;
  #active = 0;
  #pausedUntil = 0;
  /** Requests begun before this don't lower the limit again: they belong to the complaint that did. */
  #lowered = -1;
  #waiting: (() => void)[] = [];

  /**
   * Nothing runs yet.
   * @param start Requests at once at the beginning, >= 1
   * @param max Never more, >= start
   * @param clock Time
   */
  constructor(start: number, max: number, clock: Clock = realClock) {
    this.#max = Math.max(1, max);
    this.#limit = Math.min(Math.max(1, start), this.#max);
    this.#clock = clock;
  }

  /** Requests at once right now, a whole number >= 1. */
  get limit(): number {
    return Math.max(1, Math.floor(this.#limit));
  }

  /**
   * Waits for a turn.
   * @returns When the request began, to be handed to {@linkcode AdaptiveLimit.release}; null when the signal was aborted first
   */
  async acquire(signal: AbortSignal): Promise<number | null> {
    while (!signal.aborted) {
      const wait = this.#pausedUntil - this.#clock.now();
      if (wait > 0) await this.#clock.sleep(wait, signal);
      else if (this.#active < this.limit) {
        this.#active++;
        return this.#clock.now();
      } else await this.#turn(signal);
    }
    return null;
  }

  /**
   * Gives the turn back.
   * @param begun What {@linkcode AdaptiveLimit.acquire} gave
   * @param how What came of it; `neutral` says nothing about the load
   * @param retryAfterMs How long the server asks everyone to wait
   */
  release(begun: number, how: "good" | "congested" | "neutral", retryAfterMs = 0): void {
    this.#active--;
    const now = this.#clock.now();
    if (how === "good") {
      this.#limit = Math.min(this.#max, this.#limit + (this.#slowStart ? 1 : 1 / this.#limit));
    } else if (how === "congested") {
      this.#slowStart = false;
      if (begun > this.#lowered) {
        this.#limit = Math.max(1, this.#limit / 2);
        this.#lowered = now;
      }
      this.#pausedUntil = Math.max(this.#pausedUntil, now + retryAfterMs);
    }
    const free = this.limit - this.#active;
    for (const wake of this.#waiting.splice(0, Math.max(0, free))) wake();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#waiting.push(wake);
    });
  }
}
