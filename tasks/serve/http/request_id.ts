/**
 * An id for each request: its reply has it, so that clients' errors show it, and so has its line of the log.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { requestId } from "hono/request-id";

import { randomId } from "../answers/ids.ts";

/** Headers of replies: OpenAI's clients read the first, Anthropic's the second. */
export const REQUEST_ID_HEADERS = ["x-request-id", "request-id"] as const;

/** Characters of an id that a client gives, at most. */
const LONGEST = 128;

/**
 * Names each request by the client's own `X-Request-Id`, where that is up to 128 letters, digits, `_`, `-` and `=`, else by a random id;
 * the context's variable `requestId` has it.
 */
export function identified(): MiddlewareHandler {
  const [ofOpenai, ofAnthropic] = REQUEST_ID_HEADERS;
  const chosen = requestId({
    headerName: ofOpenai,
    limitLength: LONGEST,
    generator: () => randomId("req_"),
  });
  return (c, next) =>
    chosen(c, async () => {
      c.header(ofAnthropic, c.get("requestId"));
      await next();
    });
}
