/**
 * Usage of a run, and its budget.
 * @module
 */
import type { Completion, Endpoint } from "../../plugins/kinds/endpoint.ts";

/** Limits of one start of a run; each start counts from zero, so that running again continues. */
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

/** Usage of one start. */
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
  /** Answers whose tokens are estimated from characters, as nobody counted them. */
  estimated: number;
  /** Seconds since the start. */
  seconds: number;
}

/** Counts what is used and says when the budget is spent. */
export class Meter {
  readonly #budget: Budget;
  readonly #now: () => number;
  readonly #start: number;
  readonly #endpoints = new Map<
    Endpoint,
    { pending: number; received: number; tokens: number; cost: number }
  >();
  readonly #counts: Omit<Usage, "seconds"> = {
    requests: 0,
    cached: 0,
    retries: 0,
    promptTokens: 0,
    completionTokens: 0,
    cost: 0,
    estimated: 0,
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

  /**
   * Why no further request may be sent, or null. Requests under way count as much as their endpoint's answers so far took on
   * average, so that a run with many at once doesn't spend far more than it may.
   */
  spent(): string | null {
    const { requests, promptTokens, completionTokens, cost } = this.#counts;
    const budget = this.#budget;
    if (budget.requests !== undefined && requests >= budget.requests) {
      return `the budget of ${budget.requests} requests is spent`;
    }
    const expected = { tokens: 0, cost: 0 };
    for (const { pending, received, tokens, cost } of this.#endpoints.values()) {
      if (received === 0) continue;
      expected.tokens += pending * tokens / received;
      expected.cost += pending * cost / received;
    }
    const used = promptTokens + completionTokens;
    if (budget.tokens !== undefined && used + expected.tokens >= budget.tokens) {
      const about = this.#counts.estimated > 0 ? ", partly estimated from characters" : "";
      return `the budget of ${budget.tokens} tokens is spent (${used}${about}, and about ${
        Math.round(expected.tokens)
      } by what is under way)`;
    }
    if (budget.money !== undefined && cost + expected.cost >= budget.money) {
      return `the budget of ${budget.money} is spent (${cost.toFixed(4)}, and about ${
        expected.cost.toFixed(4)
      } by what is under way)`;
    }
    const left = this.millisecondsLeft;
    return left !== undefined && left <= 0 ? `the budget of ${budget.seconds} seconds is spent` : null;
  }

  /** Counts a request that is about to be sent. */
  sent(retry: boolean, endpoint: Endpoint): void {
    this.#counts.requests++;
    if (retry) this.#counts.retries++;
    let sums = this.#endpoints.get(endpoint);
    if (sums === undefined) {
      this.#endpoints.set(endpoint, sums = { pending: 0, received: 0, tokens: 0, cost: 0 });
    }
    sums.pending++;
  }

  /** Counts what came back; answers of endpoints that spend nothing count as requests only. */
  received(completion: Completion, endpoint: Endpoint): void {
    const spends = endpoint.spends !== false;
    const promptTokens = spends ? completion.promptTokens : 0;
    const completionTokens = spends ? completion.completionTokens : 0;
    const cost = costOf({ promptTokens, completionTokens }, endpoint.prices);
    if (spends && completion.estimated) this.#counts.estimated++;
    this.#counts.promptTokens += promptTokens;
    this.#counts.completionTokens += completionTokens;
    this.#counts.cost += cost;
    const sums = this.#endpoints.get(endpoint);
    if (sums === undefined) return;
    sums.pending--;
    sums.received++;
    sums.tokens += promptTokens + completionTokens;
    sums.cost += cost;
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

/**
 * Refuses a budget of money that nobody can keep.
 * @throws {RangeError} If an answer would cost nobody knows how much
 */
export function needPrices(endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    if (endpoint.prices !== undefined || endpoint.spends === false) continue;
    throw new RangeError(
      `Cannot keep a budget of money as the prices of ${endpoint.model} are needed: give args.prices: ` +
        "{input, output}, of a million tokens each, or a budget of tokens",
    );
  }
}
