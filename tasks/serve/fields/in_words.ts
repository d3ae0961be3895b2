/**
 * Errors of a chat request in words of the request of another interface that it was made from.
 * @module
 */
import { ApiError } from "../api_error.ts";
import type { ChatRequest } from "./fields.ts";

/** How the client's own interface says what a chat request says. */
export interface Wording {
  /** An error's message. */
  message(error: ApiError): string;
  /** The name of a field, such as `messages[2]` or `response_format`. */
  name(field: string): string;
}

/** The chat request that asks for the same as a request of another interface. */
export interface AsChat {
  /** Asks for the same. */
  chat: ChatRequest;
  /** What its fields are called there. */
  words: Wording;
}

/**
 * Runs what may refuse a chat request.
 * @throws {ApiError} As `run`, in those words
 */
export async function inWordsOf<T>({ message, name }: Wording, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { param } = error.fields;
    throw new ApiError(message(error), { ...error.fields, ...(param != null && { param: name(param) }) });
  }
}
