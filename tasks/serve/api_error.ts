/**
 * Errors as OpenAI's clients read them: `{error: {message, type, param, code}}` with a status.
 * @module
 */
import type { ContentfulStatusCode } from "hono/utils/http-status";

import { bounded } from "../../formats/message.ts";
import { redact } from "../../formats/secrets.ts";
import { ContextLengthError, LogitsError, MaskMemoryError } from "../../kernels/engine/generate/generator.ts";

/** Fields of an error beside its message, as OpenAI's API has them. */
export interface ApiErrorFields {
  /** HTTP status. */
  status: ContentfulStatusCode;
  /** OpenAI's name of the kind. */
  type: "invalid_request_error" | "rate_limit_error" | "server_error";
  /** Field of the request at fault. */
  param?: string | null;
  /** OpenAI's code, such as `model_not_found`. */
  code?: string | null;
  /** Seconds until asking again is of use. */
  retryAfter?: number;
  /** Where the context has no room: its tokens, the prompt's, and those that the answer may have where the client says so. */
  room?: { context: number; prompt: number; asked: number | null };
}

/** An error that a client is told. */
export class ApiError extends Error {
  /** An error with a message for the client. */
  constructor(message: string, readonly fields: ApiErrorFields) {
    super(message);
  }

  /** The body of the reply. */
  get body(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { type, param = null, code = null } = this.fields;
    return { error: { message: bounded(redact(this.message)), type, param, code } };
  }
}

/** A request that can't be carried out as it stands: 400. */
export function badRequest(
  message: string,
  param: string | null = null,
  code: string | null = null,
): ApiError {
  return new ApiError(message, { status: 400, type: "invalid_request_error", param, code });
}

/** A model or an adapter that computes no numbers, whatever is asked: 500. @param message Sentences */
export function modelBroken(message: string): ApiError {
  return new ApiError(`${message} Ask another model or adapter, or train this one again`, {
    status: 500,
    type: "server_error",
    param: "model",
    code: "model_broken",
  });
}

/** Any error as one that a client is told: what is the request's fault by its words, the rest without details. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ContextLengthError) {
    return badRequest(error.message, "messages", "context_length_exceeded");
  }
  if (error instanceof LogitsError) return modelBroken(error.message);
  if (error instanceof MaskMemoryError) {
    return new ApiError(
      "There was no memory for the answer's grammar: ask again when less is under way, or for a smaller schema",
      { status: 503, type: "server_error", code: "grammar_out_of_memory", retryAfter: 10 },
    );
  }
  // a TypeError is a fault of the program's
  if (error instanceof RangeError || error instanceof SyntaxError) {
    return badRequest(error.message);
  }
  return new ApiError("The server failed to answer: its log says why", {
    status: 500,
    type: "server_error",
    code: "internal_error",
  });
}

/** Nobody reads it; logs and counts tell it apart from a fault of the server. */
export function clientLeft(): ApiError {
  return new ApiError("The client left", {
    // of nginx's making, and known by it
    status: 499 as ContentfulStatusCode,
    type: "invalid_request_error",
    code: "client_left",
  });
}

/** A request that came, or waited, while the server ends. */
export function stopping(): ApiError {
  return new ApiError("The server is stopping", {
    status: 503,
    type: "server_error",
    code: "stopping",
    retryAfter: 5,
  });
}
