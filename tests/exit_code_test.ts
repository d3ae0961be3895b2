/** A process that used an engine ends with its own exit code, every time: nothing crashes while its Worker goes away. */
import { assertEquals } from "@std/assert";

import { testBackends } from "../kernels/testing/backends.ts";

const program = new URL("_engine_process.ts", import.meta.url).pathname;
const RUNS = 30;

for (const { name, ignore } of await testBackends()) {
  const backend = name.replace(/[^a-z].*/, "");
  if (backend === "reference") continue;
  Deno.test({
    name: `${RUNS} processes that used an engine end with their own exit code (${name})`,
    ignore,
    async fn() {
      const codes: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const { code } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-check", "-A", program, backend],
          stdout: "null",
          stderr: "null",
        }).output();
        codes.push(code);
      }
      assertEquals(codes, Array(RUNS).fill(7));
    },
  });
}
