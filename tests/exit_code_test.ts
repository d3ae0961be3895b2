/** A process that used an engine ends with its own exit code, every time: nothing crashes while its Worker goes away. */
import { assertEquals } from "@std/assert";

import { testBackends } from "../kernels/testing/backends.ts";
import { repetitions } from "./helpers/repetitions.ts";

const program = new URL("_engine_process.ts", import.meta.url).pathname;
/** Several at once: what goes wrong at an end goes wrong on a busy machine. */
const RUNS = repetitions(30, 4), AT_ONCE = 6;

for (const { name, ignore } of await testBackends()) {
  const backend = name.replace(/[^a-z].*/, "");
  if (backend === "reference") continue;
  Deno.test({
    name: `${RUNS} processes that used an engine end with their own exit code (${name})`,
    ignore,
    async fn() {
      const codes: number[] = [];
      const runs = async () => {
        while (started++ < RUNS) codes.push((await process(backend)).code);
      };
      let started = 0;
      await Promise.all(Array.from({ length: AT_ONCE }, runs));
      assertEquals(codes, Array(RUNS).fill(7));
    },
  });
}

function process(backend: string): Promise<Deno.CommandOutput> {
  const args = ["run", "--no-check", "-A", program, backend];
  return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
}
