/**
 * A server that answers nothing in time any more: each of its requests takes a whole time limit, and there may be thousands.
 * @module
 */
import { counted } from "../../formats/counted.ts";

/** Requests that timed out since an endpoint last answered or refused anything. */
export class Silence {
  readonly #requests = new Set<string>();
  #rounds = 0;
  /** When the last timeout of the latest round's first request came; later requests belong to the next one. */
  #since = -Infinity;

  /**
   * Counts one.
   * @param key Names the request; sent again it is the same one
   * @param begun When it was sent, in ms of one clock
   * @param ended When it was given up, on the same clock
   */
  add(key: string, begun: number, ended: number): void {
    this.#requests.add(key);
    // those sent at once time out together, and say no more than one
    if (begun < this.#since) return;
    this.#rounds++;
    this.#since = ended;
  }

  /** True if so many requests timed out, and so many times one after the other. */
  isHopeless(requests: number, rounds: number): boolean {
    return this.#requests.size >= requests && this.#rounds >= rounds;
  }

  /** `20 requests in a row got no answer in time, 7 times one after the other`. */
  get text(): string {
    return `${counted(this.#requests.size, "request")} in a row got no answer in time, ` +
      `${this.#rounds} times one after the other`;
  }
}
