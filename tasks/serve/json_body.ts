/**
 * Bodies of requests.
 * @module
 */
import type { Context } from "hono";

import { ApiError, badRequest } from "./api_error.ts";

/**
 * A request's body.
 * @throws {ApiError} 415 if it isn't said to be JSON: a web page of another site could send it without asking; 400 if it
 * isn't JSON
 */
export async function jsonBody(c: Context): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(\w+\+)?json\b/i.test(type)) {
    throw new ApiError("The body must be JSON: send the header Content-Type: application/json", {
      status: 415,
      type: "invalid_request_error",
      code: "wrong_content_type",
    });
  }
  const text = await c.req.text();
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("The body isn't JSON");
  }
}
