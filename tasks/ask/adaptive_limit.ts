/**
 * The window: the number of requests that an endpoint gets at once. It doubles every round until the endpoint first complains of the
 * load, then grows by one every round; it is halved when complaints grow with it; and everyone pauses where the endpoint says
 * how long to wait.
 *
 * Jacobson 1988, "Congestion Avoidance and Control" (slow start, additive increase, multiplicative decrease). There each loss
 * means congestion; here most servers fail now and then regardless of load, so a complaint (429, 5xx, a timeout) counts only
 * together with others: a round has as many requests as the window, and its complaints are compared with those of clearly
 * smaller windows.
 * @module
 */
import { NOTHING, RoundHistory } from "./round_history.ts";

/** Clock; exchanged by tests. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Waits so many milliseconds, less when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The system's clock and timers. */
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

/** Requests of a round, at least: fewer say nothing about shares. */
const SHORTEST_ROUND = 8;

/** One endpoint's limit. */
export class AdaptiveLimit {
  readonly #max: number;
  readonly #clock: Clock;
  readonly #history = new RoundHistory();
  #limit: number;
  #slowStart = true;
  #active = 0;
  #pausedUntil = 0;
  #round = { ...NOTHING };
  /** The limit when the round began. */
  #window: number;
  /** Requests begun before this belong to an earlier round. */
  #since = -Infinity;
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
    this.#window = this.limit;
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
   * @param begun Result of {@linkcode AdaptiveLimit.acquire}
   * @param how The result; `congested` is a complaint, `neutral` says nothing about the load
   * @param retryAfterMs Wait that the server asks of everyone, in ms, ≥ 0
   * @param work Tokens made meanwhile, > 0
   */
  release(begun: number, how: "good" | "congested" | "neutral", retryAfterMs = 0, work = 1): void {
    this.#active--;
    const now = this.#clock.now();
    if (how === "congested") this.#pausedUntil = Math.max(this.#pausedUntil, now + retryAfterMs);
    if (how === "good") {
      this.#limit = Math.min(this.#max, this.#limit + (this.#slowStart ? 1 : 1 / this.#limit));
    }
    if (how !== "neutral" && begun >= this.#since) this.#count(how === "congested", now - begun, work, now);
    const free = this.limit - this.#active;
    for (const wake of this.#waiting.splice(0, Math.max(0, free))) wake();
  }

  #count(complaint: boolean, ms: number, work: number, now: number): void {
    const round = this.#round;
    round.requests++;
    if (complaint) round.complaints++;
    else {
      round.ms += ms;
      round.work += work;
    }
    const size = Math.max(this.#window, SHORTEST_ROUND);
    // enough complaints for a whole round needn't wait for its end
    const tooMany = complaint && this.#history.hasGrown(this.#window, { ...round, requests: size });
    if (!tooMany && round.requests < size) return;
    const isSlower = !tooMany && this.#history.isSlower(this.#window, round);
    this.#history.add(this.#window, round);
    if (tooMany || isSlower) {
      this.#slowStart = false;
      this.#limit = Math.max(1, this.#limit / 2);
    }
    this.#round = { ...NOTHING };
    this.#window = this.limit;
    this.#since = now;
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
