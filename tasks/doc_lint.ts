/**
 * Checks the documentation of the public API, every door of deno.json's `exports`, by `deno doc --lint`.
 *
 * ```sh
 * deno run --allow-run --allow-read --allow-env tasks/doc_lint.ts
 * ```
 * Prints what is missing; exits with 1 when there is anything.
 * @module
 */
import { runTask } from "./common/cli/run_task.ts";

if (import.meta.main) {
  await runTask(async () => {
    const { exports } = JSON.parse(await Deno.readTextFile("deno.json")) as {
      exports: Record<string, string>;
    };
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--lint", ...Object.values(exports)],
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code !== 0) console.error(new TextDecoder().decode(stderr));
    return code;
  });
}
