/**
 * Endpoints: where responses come from: a server, this project's own engine, or a file.
 * @module
 */
import type { Message } from "../datasets/dataset.ts";

/** One request. */
export interface CompletionRequest {
  messages: Message[];
  /** Always sent explicitly. */
  temperature: number;
  top_p: number;
  max_tokens: number;
  seed?: number;
  stop?: string[];
}

/** What came back. `context_length` and `error` are outcomes, not text. */
export interface Completion {
  outcome: "stop" | "length" | "context_length" | "error";
  text: string;
  promptTokens: number;
  completionTokens: number;
  error?: string;
}

/** The product of an endpoint plugin. */
export interface Endpoint {
  /** Name of the model, for reports and cache keys. */
  model: string;
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  close(): Promise<void>;
}
