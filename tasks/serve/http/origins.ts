/**
 * Web pages of other origins that may ask the server (CORS): those of this machine itself, and those that the server is told.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";

import { isLoopbackName } from "../../common/loopback.ts";
import { ApiError } from "../api_error.ts";
import { UNUSED_HEADER } from "../fields/apart_fields.ts";
import { REQUEST_ID_HEADERS } from "./request_id.ts";

/**
 * Origins as `--allow-origin` names them.
 * @throws {RangeError} If one is neither an origin nor `*`
 */
export function readOrigins(given: readonly string[]): string[] {
  return given.map((text) => {
    if (text === "*") return text;
    const url = URL.parse(text);
    if (url !== null && url.origin !== "null" && url.href === `${url.origin}/`) return url.origin;
    throw new RangeError(
      `Cannot allow the origin ${text}: it needs a scheme and a host such as https://example.org, or *`,
    );
  });
}

/**
 * Answers browsers' questions before a request of another origin, and marks replies as readable.
 * @param allowed `*`: every page may ask
 * @throws {ApiError} (of the handler) 403 for another origin
 */
export function allowOrigins(allowed: readonly string[]): MiddlewareHandler {
  const mark = cors({
    origin: (origin) => origin,
    allowMethods: ["GET", "HEAD", "POST"],
    exposeHeaders: [UNUSED_HEADER, "retry-after", ...REQUEST_ID_HEADERS],
    maxAge: 600,
  });
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return await next();
    if (allowed.includes("*") || allowed.includes(origin) || isOfThisMachine(origin)) {
      return await mark(c, next);
    }
    if (c.req.method !== "OPTIONS" || c.req.header("access-control-request-method") === undefined) {
      return await next();
    }
    throw new ApiError(
      "Pages of this origin can't ask this server: start it with --allow-origin and the origin, or *",
      { status: 403, type: "invalid_request_error", code: "wrong_origin" },
    );
  };
}

function isOfThisMachine(origin: string): boolean {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && isLoopbackName(url.host);
}
