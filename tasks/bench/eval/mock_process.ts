/**
 * The mock server as a process of its own: prints its address; GET /count tells how many requests there were. Arguments:
 * milliseconds until an answer, and the share of requests that it answers by HTTP 500 (0).
 * @module
 */
import { mockServer } from "./mock_server.ts";

/** In [0, 1), without a pattern in it, and the same in every run (Knuth's multiplicative hash). */
function scattered(index: number): number {
  return (Math.imul(index + 1, 2_654_435_761) >>> 0) / 2 ** 32;
}

if (import.meta.main) {
  const [latency = "50", faults = "0"] = Deno.args;
  const server = mockServer({
    latencyMs: Number(latency),
    keepLog: false,
    respond: ({ index }) =>
      scattered(index) < Number(faults) ? new Response("Internal Server Error", { status: 500 }) : undefined,
  });
  console.log(server.base);
}
