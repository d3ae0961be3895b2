/**
 * The mock server as a process of its own: prints its address; GET /count tells how many requests there were.
 * @module
 */
import { mockServer } from "./_mock_server.ts";

if (import.meta.main) {
  const server = mockServer({ latencyMs: Number(Deno.args[0] ?? 50), keepLog: false });
  console.log(server.base);
}
