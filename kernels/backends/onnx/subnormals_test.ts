import { assertEquals } from "@std/assert";

import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { openLibrary } from "./c_api/mod.ts";

const reason = openLibrary().reason ?? nativeLibrary().reason;

Deno.test({
  name:
    `subnormal numbers are 0 in every thread that computes, in whichever sessions are made, and numbers to JavaScript${
      reason === null ? "" : `: ${reason}`
    }`,
  ignore: reason !== null,
  async fn() {
    const child = new URL("_subnormals_child.ts", import.meta.url).pathname;
    const { code, stdout, stderr } = await runDeno(["run", "-A", "--no-check", child]);
    assertEquals(code, 0, stderr);
    assertEquals(
      JSON.parse(stdout),
      Array(8).fill({ theirs: 0, own: 0, javascript: 2 ** -133 }),
    );
  },
});
