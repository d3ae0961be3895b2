/**
 * Endpoints: where responses come from: a server, this project's own engine, or a file.
 * @module
 */
import type { Message } from "../datasets/dataset.ts";

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
  /** What went wrong, with `error`. */
  error?: string;
}

/** The product of an endpoint plugin. */
export interface Endpoint {
  /** Name of the model, for reports and cache keys. */
  model: string;
  /** Asks once; failures are outcomes, not exceptions. */
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  /** Frees what it holds. */
  close(): Promise<void>;
}
