/**
 * Places for answers: how many are made and wait at once, and when to come again if there is none left.
 * @module
 */
import { ApiError, badRequest } from "./api_error.ts";

/** Mean of the last durations weighs the newest by this. */
const NEWEST = 0.2;

/** Places that requests take until their answers are done. */
export class Places {
  #taken = 0;
  /** Seconds that an answer took of late. */
  #seconds = 1;

  /**
   * @param running Answers that are made at once, ≥ 1
   * @param waiting Answers that may wait beside them, ≥ 0
   */
  constructor(readonly running: number, readonly waiting: number) {}

  /** Answers that are being made. */
  get busy(): number {
    return Math.min(this.#taken, this.running);
  }

  /** Answers that wait. */
  get queued(): number {
    return Math.max(0, this.#taken - this.running);
  }

  /**
   * Takes places for the answers of one request.
   * @param param Field that asks for so many
   * @returns Gives them back; may be called again
   * @throws {ApiError} 429 with the seconds to wait if there aren't enough now; 400 if there never are
   */
  take(count: number, param: string = "n"): () => void {
    const all = this.running + this.waiting;
    if (count > all) {
      throw badRequest(
        `Cannot make ${count} answers of one request: this server has ${all} places; raise --queue or ask for fewer`,
        param,
      );
    }
    if (this.#taken + count > all) {
      const retryAfter = Math.ceil(Math.min(60, Math.max(1, this.#seconds * this.#taken / this.running)));
      throw new ApiError(
        `All ${all} places for answers are taken (${this.running} running, ${this.waiting} waiting): ` +
          `ask again in ${retryAfter} s`,
        { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded", retryAfter },
      );
    }
    this.#taken += count;
    const begun = performance.now();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= count;
      this.#seconds += NEWEST * ((performance.now() - begun) / 1000 - this.#seconds);
    };
  }
}
