/**
 * Replies to what can't be read as a request, such as one with a head that is too long: no route sees it, so it is counted, logged and
 * named here.
 * @module
 */
import { randomId } from "../answers/ids.ts";
import { ApiError } from "../api_error.ts";
import { HEAD_BYTES, type Listener } from "./listen.ts";
import { REQUEST_ID_HEADERS } from "./request_id.ts";

/** Path that it is counted under, as those that nothing is at. */
const PATH = "other";

/**
 * Makes these replies: errors in OpenAI's shape, with an id.
 * @param log Gets a line for each
 */
export function unreadable(
  metrics: { replied(path: string, status: number): void },
  log: (line: string) => void,
): Listener["unreadable"] {
  return (status, part) => {
    const id = randomId("req_");
    const error = new ApiError(
      status === 431
        ? `Cannot read the request: its head is longer than ${HEAD_BYTES} bytes; send fewer or shorter headers`
        : part === "body"
        ? "Cannot read the request: its body doesn't come in chunks as HTTP has them; send Content-Length, or chunks with their sizes"
        : "Cannot read the request: it isn't HTTP",
      { status, type: "invalid_request_error", code: status === 431 ? "head_too_large" : "not_http" },
    );
    metrics.replied(PATH, status);
    log([new Date().toISOString(), "-", PATH, status, "0 ms", id].join(" "));
    return Response.json(error.body, {
      status,
      headers: REQUEST_ID_HEADERS.map((name): [string, string] => [name, id]),
    });
  };
}
