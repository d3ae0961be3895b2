/**
 * Names of this machine itself, for servers that nobody else is to reach.
 * @module
 */

/** True if a server that listens at this name or address is reached from this machine only. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

/**
 * True if a request's header `Host` names this machine itself. A web page of others can't send such a one, whatever its own
 * name resolves to.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isLoopbackName } from "./loopback.ts";
 *
 * const names = ["127.0.0.1:8090", "localhost", "[::1]:80", "127.0.0.1.example.org", undefined];
 * assertEquals(names.map(isLoopbackName), [true, true, true, false, false]);
 * ```
 */
export function isLoopbackName(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" ||
    /^127(\.\d+){3}$/.test(name);
}
