/**
 * Endpoints: where responses come from: a server, this project's own engine, or a file.
 * @module
 */
import type { Message } from "./dataset.ts";

/** One request. */
export interface CompletionRequest {
  /** The conversation, a user turn last. */
  messages: Message[];
  /** Always sent explicitly. */
  temperature: number;
  /** Nucleus limit, in (0, 1]. */
  top_p: number;
  /** Limit of the answer, > 0. */
  max_tokens: number;
  /** Where the endpoint has one. */
  seed?: number;
  /** Texts that end the answer. */
  stop?: string[];
  /** Further sampling fields that are sent as they are, such as `frequency_penalty` or `top_k`. */
  extra?: Record<string, unknown>;
  /** Holds the answer to a JSON schema; only for endpoints that are {@linkcode Endpoint.structured}. */
  schema?: Record<string, unknown>;
  /** Id of the item, for endpoints that look an answer up; never sent. */
  id?: string;
}

/** What kind of failure an error is, so that a scheduler knows what to do about it. */
export interface Failure {
  /**
   * - `auth`: no key, or one that is refused; `not_found`: no such model or path; `quota`: the account is empty
   * - `refused`: nothing listens; `connection`: it broke off; `timeout`; `rate_limit`; `server`: 5xx
   * - `bad_request`: refused for what it says
   * - `malformed`: not what the protocol says (HTML, broken JSON, no choices); `too_large`; `stopped`: a stream without an end
   * - `missing`: a recorded answer isn't there
   */
  kind:
    | "auth"
    | "not_found"
    | "quota"
    | "refused"
    | "connection"
    | "timeout"
    | "rate_limit"
    | "server"
    | "bad_request"
    | "malformed"
    | "too_large"
    | "stopped"
    | "missing";
  /** Whether asking again may help. */
  retryable: boolean;
  /** Whether every other request would fail alike, so that the run should stop. */
  fatal: boolean;
  /** How long the server asks to wait, in milliseconds. */
  retryAfterMs?: number;
}

/** What came back. `context_length` and `error` are outcomes, not text. */
export interface Completion {
  /** How it ended. */
  outcome: "stop" | "length" | "context_length" | "error";
  /** The answer; "" without one. */
  text: string;
  /** Tokens of the request. */
  promptTokens: number;
  /** Tokens of the answer. */
  completionTokens: number;
  /** What went wrong, with `error` and `context_length`. */
  error?: string;
  /** What kind of error, with `error`. */
  failure?: Failure;
}

/** The product of an endpoint plugin. */
export interface Endpoint {
  /** Name of the model, for reports and cache keys. */
  model: string;
  /** What else decides about answers, for cache keys and reports, such as the address; never a secret. Read after `prepare`. */
  identity?: Readonly<Record<string, unknown>>;
  /** Whether it can hold an answer to a JSON schema. */
  structured?: boolean;
  /** How many requests at once are of use, >= 1; absent: no limit of its own. */
  concurrency?: number;
  /** Whether answers are worth keeping across runs; absent: yes. */
  cacheable?: boolean;
  /** Price of a million tokens, in any currency. */
  prices?: { input: number; output: number };
  /** Finds out what `identity` has to say, where that takes more than options. */
  prepare?(): Promise<void>;
  /** Asks once; failures are outcomes, not exceptions. */
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  /** Frees what it holds. */
  close(): Promise<void>;
}
