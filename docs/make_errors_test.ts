import { assertEquals } from "@std/assert";
import { runDeno } from "../tests/helpers/deno_process.ts";

// in a process of its own, as the script changes the current folder
Deno.test("docs/errors.md shows what is really said (deno run -A docs/make_errors.ts)", async () => {
  const { stdout, stderr, code } = await runDeno([
    "run",
    "-A",
    "--no-check",
    "docs/make_errors.ts",
    "--print",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, await Deno.readTextFile(new URL("errors.md", import.meta.url)));
});
