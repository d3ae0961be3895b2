/**
 * Endpoints: where responses come from: a server, this project's own engine, or a file.
 * @module
 */
import type { Message } from "./dataset.ts";

/** Texts around a thought. */
export type ThoughtTags = readonly [open: string, close: string];

/** The user's last text in a conversation; "" without one. */
export function lastUserText(messages: readonly Message[]): string {
  return messages.findLast(({ role }) => role === "user")?.content ?? "";
}

/** One request. */
export interface CompletionRequest {
  /** The conversation, a user turn last. */
  messages: Message[];
  /** Sent explicitly; null: not sent, so that the endpoint's own default holds. */
  temperature: number | null;
  /** Nucleus limit, in (0, 1]; null: not sent. */
  top_p: number | null;
  /** Limit of thought and answer in tokens, > 0; null: not sent. */
  max_tokens: number | null;
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
  /** Place of the item, from 0, and number of the benchmark's items (null: not all are asked); never sent. */
  place?: { index: number; total: number | null };
}

/** Kind of an error, so that a scheduler knows what to do about it. */
export interface Failure {
  /**
   * - `auth`: no key, or one that is refused; `not_found`: no such model or path; `quota`: the account is empty
   * - `refused`: nothing listens; `connection`: it broke off; `timeout`; `rate_limit`; `server`: 5xx
   * - `bad_request`: refused for what it says; `settings`: refused for a setting that every request has
   * - `redirect`: the address leads to another one, which isn't followed
   * - `malformed`: not what the protocol says (HTML, broken JSON, no choices); `too_large`; `stopped`: a stream without an end
   * - `tool_call`: a call of a tool in place of a text
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
    | "settings"
    | "redirect"
    | "malformed"
    | "too_large"
    | "stopped"
    | "tool_call"
    | "missing";
  /** True if asking again may help. */
  retryable: boolean;
  /** True if every other request would fail alike, so that the run should stop. */
  fatal: boolean;
  /** Wait that the server asks for, in milliseconds. */
  retryAfterMs?: number;
}

/** Reply of an endpoint. Only `stop` and `length` have an answer; the others are outcomes of their own, and unscored. */
export interface Completion {
  /**
   * End of the answer.
   * - `stop`: by itself; `length`: cut at the limit
   * - `thought_only`: there is a thought, but no answer
   * - `content_filter`: a policy of the server held the prompt or the answer back
   * - `context_length`: the prompt is longer than the context
   * - `error`: see `failure`
   */
  outcome: "stop" | "length" | "thought_only" | "content_filter" | "context_length" | "error";
  /** The answer; "" without one. With `content_filter`, what had arrived. Endpoints may leave thoughts in tags in it. */
  text: string;
  /** Thought before the answer, where the server sets it apart or the text had it in tags. */
  thought?: string;
  /** Tokens of the request, >= 0. */
  promptTokens: number;
  /** Tokens of thought and answer, >= 0. */
  completionTokens: number;
  /** True: nobody counted, the numbers of tokens are estimated from the text. */
  estimated?: boolean;
  /** The server's name of the model that answered, where it isn't the name that was asked for: an alias, or another model. */
  answeredBy?: string;
  /** Why there is no answer, with every outcome but `stop` and `length`. */
  error?: string;
  /** Kind of the error, with `error`. */
  failure?: Failure;
}

/** The product of an endpoint plugin. */
export interface Endpoint {
  /** Name of the model, for reports and cache keys. */
  model: string;
  /** Further settings that decide about answers, for cache keys and reports, such as the address; never a secret. Read after `prepare`. */
  identity?: Readonly<Record<string, unknown>>;
  /** Commit of a repository on the hub that answers, and the name that it was found by; absent: another kind of model. Read after `prepare`. */
  revision?: { name: string; commit: string } | undefined;
  /** `identity` as it was in earlier versions, which said less of the same model; absent: the same. Read after `prepare`. */
  earlierIdentity?: Readonly<Record<string, unknown>>;
  /** True if it can hold an answer to a JSON schema. */
  structured?: boolean;
  /** Largest useful number of requests at once, >= 1; absent: no limit of its own. */
  concurrency?: number;
  /** True if answers are worth keeping across runs; absent: yes. */
  cacheable?: boolean;
  /**
   * True if answers are made on this machine, so that `identity` says which weights made them or their server is one's own;
   * absent: elsewhere, and they are kept across runs only where a configuration asks for it.
   */
  onThisMachine?: boolean;
  /** Price of a million tokens, in any currency; absent: unknown. */
  prices?: { input: number; output: number };
  /** False: answers were made before, so that asking spends no tokens now; absent: true. */
  spends?: boolean;
  /** Tags around thoughts in its texts; absent: `THOUGHT_TAGS`; none: texts are answers as they are. */
  thoughtTags?: readonly ThoughtTags[];
  /** Lines to print before the first request. Read after `prepare`. */
  notes?: readonly string[];
  /**
   * Finds out what `identity` and `notes` have to say, where that takes more than options.
   * @param say Gets lines that tell how far a download is
   */
  prepare?(say?: (line: string) => void): Promise<void>;
  /** Asks once; failures are outcomes, not exceptions. */
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  /** Frees what it holds. */
  close(): Promise<void>;
}
