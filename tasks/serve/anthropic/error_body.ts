/**
 * Errors as Anthropic's clients read them: `{type: "error", error: {type, message}}` with a status.
 * @module
 */
import type { Context } from "hono";

import type { ApiError } from "../api_error.ts";

/** Kinds by status; below 500 any other is the request's fault. */
const KINDS: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
};

/** The body of an error's reply, and of its event in a stream, with the id of its request. */
export function errorBody(
  { body: { error: { message, param } }, fields: { status, room } }: Pick<ApiError, "body" | "fields">,
  request_id: string | null,
): { type: "error"; error: { type: string; message: string }; request_id: string | null } {
  const type = KINDS[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
  // there is no place for the field at fault but the message; by how one about room begins clients know it
  const named = param === null || room !== undefined || message.includes(param)
    ? message
    : `${param}: ${message}`;
  return { type: "error", error: { type, message: named }, request_id };
}

/** True if a client of Anthropic's interface asks, which says so by a header, or by the path. */
export function isAnthropics(c: Context): boolean {
  return c.req.header("anthropic-version") !== undefined || /^\/v1\/messages(\/|$)/.test(c.req.path);
}
