/**
 * Addresses of this machine itself.
 * @module
 */

/** True if an address leads to this machine: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname);
}
