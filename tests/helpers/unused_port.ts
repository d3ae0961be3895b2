/**
 * A port of this machine for a server that is started later.
 * @module
 */

/** Below the ports that systems give away by themselves, so that nobody gets it by chance until the server starts. */
const [FROM, TO] = [20_000, 30_000];

/** A port of 127.0.0.1 at which nobody listens. */
export function unusedPort(): number {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
