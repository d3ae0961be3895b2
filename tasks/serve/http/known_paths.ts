/**
 * Paths that the server knows: for counters, and for the reply where there is nothing at a path or it takes another method.
 * @module
 */
import type { Context } from "hono";

import { didYouMean } from "../../../formats/did_you_mean.ts";
import { ApiError } from "../api_error.ts";

const POSTED = new Set([
  "/tokenize",
  "/detokenize",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/responses/input_tokens",
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/score/evaluation",
  "/v1/embeddings",
  "/v1/load_lora_adapter",
  "/v1/unload_lora_adapter",
]);

const KNOWN_PATHS = new Set([
  ...POSTED,
  "/",
  "/health",
  "/ping",
  "/version",
  "/metrics",
  "/tokenizer_info",
  "/v1/models",
]);

/** Beginning of the path of one model. */
export const ONE_MODEL = "/v1/models/";

/** The path of a request as it is counted, one for all models; undefined: nothing is there. */
export function knownPath(c: Context): string | undefined {
  const path = pathOf(c);
  if (KNOWN_PATHS.has(path)) return path;
  return path.startsWith(ONE_MODEL) ? `${ONE_MODEL}{model}` : undefined;
}

/** Path of a request, without slashes at its end. */
function pathOf(c: Context): string {
  return new URL(c.req.url).pathname.replace(/(?<=.)\/$/, "");
}

/** Paths of other servers and of OpenAI's whole service, with what lies below them, and what is said of each. */
const OF_OTHERS: readonly (readonly [paths: readonly string[], why: string])[] = [
  [["/api"], "this is Ollama's own interface; ask /v1/chat/completions, /v1/completions or /v1/models"],
  [["/v1/responses/compact"], "no conversation is shortened here; send a shorter input to /v1/responses"],
  [["/v1/complete"], "this is Anthropic's older interface; ask /v1/messages"],
  [
    ["/completion", "/infill", "/props", "/slots", "/apply-template"],
    "this is llama.cpp's own interface; ask /v1/chat/completions, /v1/completions, /v1/models or /tokenize",
  ],
  [
    [
      ...["/rerank", "/v1/rerank", "/v2/rerank"],
      ...["/v1/moderations", "/v1/audio", "/v1/images", "/v1/videos", "/v1/realtime"],
    ],
    "the model here writes texts; ask /v1/chat/completions or /v1/completions",
  ],
  [
    ["/score", "/v1/score", "/pooling", "/classify"],
    "models here write texts, and reward models score them; ask /v1/chat/completions, or /v1/score/evaluation for rewards",
  ],
  [
    [
      ...["/v1/files", "/v1/uploads", "/v1/batches", "/v1/fine_tuning", "/v1/assistants", "/v1/threads"],
      ...["/v1/vector_stores", "/v1/conversations", "/v1/evals", "/v1/containers", "/v1/messages/batches"],
    ],
    "nothing is kept here; send the whole conversation to /v1/chat/completions, /v1/responses or /v1/messages",
  ],
];

/** The error for a path that no route took. */
export function notFound(c: Context): ApiError {
  const pathname = pathOf(c);
  const method = POSTED.has(pathname) ? "POST" : knownPath(c) !== undefined ? "GET" : null;
  if (method !== null) {
    c.header("allow", method === "GET" ? `GET, HEAD${pathname === "/ping" ? ", POST" : ""}` : method);
    return new ApiError(`Cannot ${c.req.method} ${pathname.slice(0, 100)}: it takes ${method}`, {
      status: 405,
      type: "invalid_request_error",
      code: "method_not_allowed",
    });
  }
  const here = `There is nothing at ${c.req.method} ${pathname.slice(0, 100)}`;
  const [other] = OF_OTHERS.filter(([paths]) =>
    paths.some((path) => pathname === path || pathname.startsWith(`${path}/`))
  );
  if (other !== undefined) return nothingThere(`${here}: ${other[1]}`);
  if (pathname.startsWith("/v1/responses/")) {
    return nothingThere("Responses aren't kept here: the reply to POST /v1/responses is the whole of one");
  }
  // OpenAI's clients want /v1 at the end of their base URL, Anthropic's add it
  const behind = pathname.replace(/^\/v1(?=\/v1\/)/, "");
  return nothingThere(
    KNOWN_PATHS.has(`/v1${pathname}`)
      ? `${here}: ask /v1${pathname}, with /v1 at the end of the base URL`
      : behind !== pathname && KNOWN_PATHS.has(behind)
      ? `${here}: ask ${behind}, without /v1 at the end of the base URL`
      : here + didYouMean(pathname, [...KNOWN_PATHS].filter((path) => path !== "/")),
  );
}

function nothingThere(message: string): ApiError {
  return new ApiError(message, { status: 404, type: "invalid_request_error", code: "not_found" });
}
