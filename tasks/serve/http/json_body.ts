/**
 * Bodies of requests.
 * @module
 */
import type { Context } from "hono";

import { keepExactText } from "../../../formats/records/exact_json.ts";
import { ApiError, badRequest } from "../api_error.ts";

/**
 * A request's body. What JavaScript would write otherwise in its lists and objects, such as numbers beyond 2^53, is kept for
 * `exactJson`.
 * @throws {ApiError} 415 if it isn't said to be JSON: a web page of another site could send it without asking, or in another
 * encoding than UTF-8; 400 if it isn't JSON
 */
export async function jsonBody(c: Context): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new ApiError("The body must be JSON: send the header Content-Type: application/json", {
      status: 415,
      type: "invalid_request_error",
      code: "wrong_content_type",
    });
  }
  const encoding = c.req.header("content-encoding") ?? "identity";
  const charset = /;\s*charset="?([^";\s]+)/i.exec(type)?.[1] ?? "utf-8";
  if (!/^identity$/i.test(encoding) || !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new ApiError(
      "The body must be UTF-8 and not compressed: leave out Content-Encoding and any other charset",
      { status: 415, type: "invalid_request_error", code: "wrong_content_type" },
    );
  }
  let text: string;
  try {
    // in place of characters that would be others' words, an error
    text = new TextDecoder("utf-8", { fatal: true }).decode(await c.req.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw badRequest("The body isn't UTF-8");
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badRequest(text.trim() === "" ? "The body is empty: send a JSON object" : "The body isn't JSON");
  }
  // nothing of a plain text's request is written into a prompt but its text, and ids may be many
  if ((body as { prompt?: unknown } | null)?.prompt == null) keepExactText(text, body);
  return body;
}
