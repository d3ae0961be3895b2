/**
 * Outcomes without an answer, and how each kind of failure is dealt with.
 * @module
 */
import type { Completion, Failure } from "../kinds/endpoint.ts";

/** An answer that isn't what the protocol says; thrown while it is read. */
export class AnswerError extends Error {
  /** Kind of failure, which decides about asking again. */
  readonly kind: Failure["kind"];
  /**
   * An error with its kind.
   * @param kind Decides about asking again
   * @param message Human-readable
   */
  constructor(kind: Failure["kind"], message: string) {
    super(message);
    this.name = "AnswerError";
    this.kind = kind;
  }
}

/** Consequences by kind of error: whether asking again can help, and whether the run ends. */
const MEANING: Readonly<Record<Failure["kind"], { retryable: boolean; fatal: boolean }>> = {
  auth: { retryable: false, fatal: true },
  not_found: { retryable: false, fatal: true },
  quota: { retryable: false, fatal: true },
  refused: { retryable: true, fatal: false },
  connection: { retryable: true, fatal: false },
  timeout: { retryable: true, fatal: false },
  rate_limit: { retryable: true, fatal: false },
  server: { retryable: true, fatal: false },
  bad_request: { retryable: false, fatal: false },
  settings: { retryable: false, fatal: true },
  redirect: { retryable: false, fatal: true },
  malformed: { retryable: true, fatal: false },
  too_large: { retryable: false, fatal: false },
  tool_call: { retryable: false, fatal: false },
  stopped: { retryable: true, fatal: false },
  missing: { retryable: false, fatal: false },
};

/** An outcome without an answer. */
export function failed(kind: Failure["kind"], error: string, retryAfterMs?: number): Completion {
  return {
    outcome: "error",
    text: "",
    promptTokens: 0,
    completionTokens: 0,
    error,
    failure: { kind, ...MEANING[kind], ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  };
}
