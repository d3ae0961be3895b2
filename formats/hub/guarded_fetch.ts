/**
 * Requests to a hub. The token goes to the hub's own origin (scheme, host and port) and to no other that a reply names, be
 * it by a redirect or by a `Link` to the next page; lists are bounded in bytes, pages and time.
 * @module
 */
import { redact } from "../secrets.ts";
import { StallTimer } from "./stall.ts";
import { checkStop, withStop } from "./stop.ts";

/** Address, token and limits of requests to a hub. */
export interface HubRequests {
  /** For files: follows redirects, any length. */
  readonly files: typeof fetch;
  /** For lists and descriptions: JSON of bounded length, within a bounded time; at most so many in all. */
  readonly api: typeof fetch;
}

/** Limits of what a hub may make us read; milliseconds, bytes, requests. */
export interface HubLimits {
  /** Without a byte, of a reply of the API (default 15,000). */
  readonly apiIdleTime: number;
  /** With fewer than 1,000 bytes, of a reply of the API that has begun (default 5,000). */
  readonly apiDripTime: number;
  /** Of all replies of the API for one model (default 60,000). */
  readonly apiTotalTime: number;
  /** Of one reply of the API (default 16 MiB; 1,000 files take some 300 kB). */
  readonly apiBytes: number;
  /** Of all requests to the API for one model (default 100). */
  readonly apiRequests: number;
  /** Without a byte, of a file (default 60,000). */
  readonly idleTime: number;
  /** With fewer than 1,000 bytes, of a file that has begun (default 20,000). */
  readonly fileDripTime: number;
}

/** Limits unless a caller sets others. */
export const HUB_LIMITS: HubLimits = Object.freeze({
  apiIdleTime: 15_000,
  apiDripTime: 5000,
  apiTotalTime: 60_000,
  apiBytes: 1 << 24,
  apiRequests: 100,
  idleTime: 60_000,
  fileDripTime: 20_000,
});

const MAX_REDIRECTS = 10;

/** Thrown for a reply that asking again wouldn't better. */
export class RefusedReply extends Error {}

/**
 * Requests for one model.
 * @param endpoint Address of the hub
 * @param token Sent to the origin of `endpoint`; undefined = none
 * @throws {RefusedReply} (when asked) If the hub redirects to what isn't encrypted or without an end, or is over a limit of time or of pages
 */
export function hubRequests(endpoint: string, token: string | undefined, limits: HubLimits): HubRequests {
  const ask = guardedFetch(new URL(endpoint).origin, token);
  return { files: (input, init = {}) => ask(input, init), api: boundedApi(ask, limits) };
}

/** Follows redirects by itself, so that the token goes to no other origin than its own. */
function guardedFetch(origin: string, token: string | undefined): typeof fetch {
  return async (input, init = {}) => {
    let url = new URL(input instanceof Request ? input.url : input);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      if (token !== undefined && url.origin === origin) headers.set("authorization", `Bearer ${token}`);
      const response = await fetch(url, {
        ...init,
        signal: withStop(init.signal),
        headers,
        redirect: "manual",
      });
      const location = response.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
      await response.body?.cancel();
      const target = new URL(location, url);
      if (url.protocol === "https:" && target.protocol !== "https:") {
        throw new RefusedReply(
          `${shownAddress(url)} redirects to ${shownAddress(target)}, which isn't encrypted`,
        );
      }
      url = target;
    }
    throw new RefusedReply(`more than ${MAX_REDIRECTS} redirects, the last to ${shownAddress(url)}`);
  };
}

/** Requests to the API, each page once, bounded in bytes, number and time. */
function boundedApi(ask: typeof fetch, limits: HubLimits): typeof fetch {
  const seen = new Set<string>();
  let waited = 0;
  return async (input, init = {}) => {
    const address = String(input instanceof Request ? input.url : input);
    if (seen.has(address) || seen.size >= limits.apiRequests) {
      throw new RefusedReply(`the hub's list of files doesn't end: ${seen.size} pages were read`);
    }
    seen.add(address);
    using stall = new StallTimer({ idle: limits.apiIdleTime, drip: limits.apiDripTime });
    const whole = AbortSignal.timeout(Math.max(0, limits.apiTotalTime - waited));
    const signal = AbortSignal.any([stall.signal, whole]);
    const begun = performance.now();
    try {
      const response = await ask(input, { ...init, signal });
      const text = await boundedText(response, limits.apiBytes, stall);
      if (response.ok) checkShape(text, address);
      if (/^\s*\[\s*\]\s*$/.test(text) && /rel="?next/.test(response.headers.get("link") ?? "")) {
        throw new RefusedReply(
          `the hub's list of files doesn't end: page ${seen.size} is empty and names another`,
        );
      }
      const { status, headers } = response;
      return new Response(text, { status, headers });
    } catch (error) {
      checkStop();
      if (!signal.aborted) throw error;
      throw new RefusedReply(
        whole.aborted
          ? `the hub's answers took longer than ${limits.apiTotalTime / 1000} s, ${seen.size} were asked for`
          : `the hub doesn't answer, or too slowly: ${(stall.signal.reason as Error).message}`,
        { cause: error },
      );
    } finally {
      waited += performance.now() - begun;
    }
  };
}

async function boundedText(response: Response, limit: number, stall: StallTimer): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    stall.heard(part.length);
    size += part.length;
    if (size > limit) throw new RefusedReply(`the hub's answer is longer than ${limit} bytes`);
    parts.push(part);
  }
  return await new Blob(parts).text();
}

/** Checks what the library assumes: a list of objects for files, an object for a model. */
function checkShape(text: string, address: string): void {
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RefusedReply(`the hub's answer isn't JSON: ${redact(JSON.stringify(text.slice(0, 80)))}`);
  }
  const fits = /\/tree\//.test(address) ? Array.isArray(value) && value.every(isObject) : isObject(value);
  if (!fits) {
    throw new RefusedReply(
      `the hub's answer has another shape: ${redact(JSON.stringify(text.slice(0, 80)))}`,
    );
  }
}

/** Without user, query and fragment, which may be secret. */
function shownAddress(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
