/**
 * Counts for Prometheus.
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

import type { Places } from "../places.ts";
import type { Told } from "./told.ts";

/** Watches one request. */
export interface Timer {
  /** A token was made. */
  token(): void;
  /** All answers are whole. */
  end(told: Told, finishes: readonly string[]): void;
  /** So many answers were given up. */
  givenUp(why: "gone" | "error", answers: number): void;
}

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counters and histograms of a server, for `/metrics`. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #requests = new Counter({
    name: "dinotune_requests_total",
    help: "Requests by path and status",
    labelNames: ["path", "status"],
    registers: this.#registers,
  });
  readonly #promptTokens = new Counter({
    name: "dinotune_prompt_tokens_total",
    help: "Tokens of prompts whose answers were finished",
    labelNames: ["model"],
    registers: this.#registers,
  });
  readonly #completionTokens = new Counter({
    name: "dinotune_completion_tokens_total",
    help: "Tokens of answers that were finished",
    labelNames: ["model"],
    registers: this.#registers,
  });
  readonly #answers = new Counter({
    name: "dinotune_answers_total",
    help: "Answers by their end: stop, length, gone (the client left), error",
    labelNames: ["end"],
    registers: this.#registers,
  });
  readonly #first = new Histogram({
    name: "dinotune_time_to_first_token_seconds",
    help: "From a streamed request to its first token",
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #whole = new Histogram({
    name: "dinotune_answer_seconds",
    help: "From a request to its last token",
    buckets: SECONDS,
    registers: this.#registers,
  });

  /** Counts requests for these places. */
  constructor(places: Places) {
    const registers = this.#registers;
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge("dinotune_answers_running", "Answers that are being made", () => places.busy);
    gauge("dinotune_answers_waiting", "Answers that wait for a place", () => places.queued);
    gauge("dinotune_resident_memory_bytes", "Memory of the process", () => Deno.memoryUsage().rss);
  }

  /** A reply was begun. */
  replied(path: string, status: number): void {
    this.#requests.inc({ path, status });
  }

  /** A request for answers has begun. */
  begin(_: Told): Timer {
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    let first = true;
    return {
      token: () => {
        if (first) this.#first.observe(seconds());
        first = false;
      },
      end: ({ model = "", promptTokens = 0, completionTokens = 0 }, finishes) => {
        for (const end of finishes) this.#answers.inc({ end });
        this.#whole.observe(seconds());
        this.#promptTokens.inc({ model }, promptTokens);
        this.#completionTokens.inc({ model }, completionTokens);
      },
      givenUp: (end, answers) => this.#answers.inc({ end }, answers),
    };
  }

  /** Content type and text of all counts. */
  async text(): Promise<[type: string, text: string]> {
    return [this.#registry.contentType, await this.#registry.metrics()];
  }
}
