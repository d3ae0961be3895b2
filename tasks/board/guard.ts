/**
 * Who may talk to the board: whoever has the address that it printed, from this machine, and not from another web page.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";

import type { MiddlewareHandler } from "hono";

import { isLoopbackName } from "../common/loopback.ts";
import { Refusal } from "./refusal.ts";

/** A token for an address: 128 bits. */
export function newToken(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/** Only the board's own files run, and only it is asked. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/**
 * Lets in what has the token as the first part of its path, a name of this machine as its host, and comes from the board's own
 * page or from the person (an address that was typed).
 */
export function guard(token: string): MiddlewareHandler {
  const expected = hash(token);
  return async (c, next) => {
    const url = new URL(c.req.url);
    if (!isLoopbackName(c.req.header("host"))) {
      throw new Refusal(
        403,
        "The board answers to names of this machine only: open the address that it printed",
      );
    }
    const [, given = ""] = url.pathname.split("/");
    if (!timingSafeEqual(expected, hash(given))) {
      throw new Refusal(401, "The board needs the whole address that it printed, with its token");
    }
    const site = c.req.header("sec-fetch-site");
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw new Refusal(403, "The board takes no requests of other pages");
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && origin !== `${url.protocol}//${c.req.header("host")}`) {
      throw new Refusal(403, "The board takes no requests of other pages");
    }
    if (c.req.method !== "GET" && c.req.method !== "HEAD") {
      if (origin === undefined && site === undefined) {
        throw new Refusal(
          403,
          "The board takes changes from its own page only: the header Origin is missing",
        );
      }
      if (!/^application\/json\b/.test(c.req.header("content-type") ?? "")) {
        throw new Refusal(415, "The board takes bodies as application/json only");
      }
    }
    await next();
  };
}

/** Sets the headers that hold the page to the board, on refusals too. */
export const pageHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
};

function hash(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
