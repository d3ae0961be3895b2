/**
 * What a run has used, and how much it may use.
 * @module
 */
import type { Completion, Endpoint } from "../endpoints/endpoint.ts";

/** Limits of one start of a run; each start counts from zero, so that running again goes on. */
export interface Budget {
  /** Tokens of requests and answers together. */
  tokens?: number | undefined;
  /** Requests sent, retries included. */
  requests?: number | undefined;
  /** By the endpoints' prices, in their currency. */
  money?: number | undefined;
  /** Seconds since the start. */
  seconds?: number | undefined;
}

/** Counts of one start. */
export interface Usage {
  /** Requests sent, retries included. */
  requests: number;
  /** Answers taken from the cache. */
  cached: number;
  /** Requests that were sent again after an error. */
  retries: number;
  /** Tokens of the requests. */
  promptTokens: number;
  /** Tokens of the answers. */
  completionTokens: number;
  /** In the currency of the prices; 0 without prices. */
  cost: number;
  /** Seconds since the start. */
  seconds: number;
}

/** Counts what is used and says when the budget is spent. */
export class Meter {
  readonly #budget: Budget;
  readonly #now: () => number;
  readonly #start: number;
  readonly #counts: Omit<Usage, "seconds"> = {
    requests: 0,
    cached: 0,
    retries: 0,
    promptTokens: 0,
    completionTokens: 0,
    cost: 0,
  };

  /**
   * Starts the clock.
   * @param budget Limits
   * @param now Milliseconds
   */
  constructor(budget: Budget = {}, now: () => number = () => performance.now()) {
    this.#budget = budget;
    this.#now = now;
    this.#start = now();
  }

  /** Milliseconds left of `budget.seconds`; undefined without one. */
  get millisecondsLeft(): number | undefined {
    const { seconds } = this.#budget;
    return seconds === undefined ? undefined : seconds * 1000 - (this.#now() - this.#start);
  }

  /** Why no further request may be sent, or null. */
  spent(): string | null {
    const { requests, promptTokens, completionTokens, cost } = this.#counts;
    const { budget, used } = { budget: this.#budget, used: promptTokens + completionTokens };
    if (budget.requests !== undefined && requests >= budget.requests) {
      return `the budget of ${budget.requests} requests is spent`;
    }
    if (budget.tokens !== undefined && used >= budget.tokens) {
      return `the budget of ${budget.tokens} tokens is spent (${used})`;
    }
    if (budget.money !== undefined && cost >= budget.money) {
      return `the budget of ${budget.money} is spent (${cost.toFixed(4)})`;
    }
    const left = this.millisecondsLeft;
    return left !== undefined && left <= 0 ? `the budget of ${budget.seconds} seconds is spent` : null;
  }

  /** Counts a request that is about to be sent. */
  sent(retry: boolean): void {
    this.#counts.requests++;
    if (retry) this.#counts.retries++;
  }

  /** Counts what came back. */
  received(completion: Completion, endpoint: Endpoint): void {
    this.#counts.promptTokens += completion.promptTokens;
    this.#counts.completionTokens += completion.completionTokens;
    this.#counts.cost += costOf(completion, endpoint.prices);
  }

  /** Counts an answer that the cache had. */
  hit(): void {
    this.#counts.cached++;
  }

  /** The counts so far. */
  usage(): Usage {
    return { ...this.#counts, seconds: (this.#now() - this.#start) / 1000 };
  }
}

/** Price of one answer; 0 without prices. */
export function costOf(
  { promptTokens, completionTokens }: Pick<Completion, "promptTokens" | "completionTokens">,
  prices: Endpoint["prices"],
): number {
  return prices === undefined ? 0 : (promptTokens * prices.input + completionTokens * prices.output) / 1e6;
}
