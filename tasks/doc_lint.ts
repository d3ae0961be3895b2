/**
 * Checks the documentation of the public API: `deno doc --lint mod.ts`, without what it says about types of npm packages
 * (it has no way to leave them out).
 *
 * ```sh
 * deno run --allow-run --allow-read --allow-env tasks/doc_lint.ts
 * ```
 * Prints the findings; exits with 1 when there are any.
 * @module
 */
import { runTask } from "./common/cli.ts";

/** Types of npm packages that public types refer to; `Options` is how plugins call their zod schema. */
const FOREIGN = /private type '(\$?Zod\w*|\$strict|output|Options)'/;

/** Blocks of `deno doc --lint` that are about this project. */
export function findings(output: string): string[] {
  return output.split(/^(?=error\[)/m)
    .filter((block) => block.startsWith("error["))
    .filter((block) => !/--> .*[\\/]npm[\\/]/.test(block) && !FOREIGN.test(block))
    .map((block) => block.split("\n").slice(0, 2).join("\n"));
}

if (import.meta.main) {
  await runTask(async () => {
    const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--lint", "mod.ts"],
      env: { NO_COLOR: "1" },
    }).output();
    const output = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
    const found = findings(output);
    for (const finding of found) console.error(finding);
    if (code !== 0 && !output.includes("error[")) {
      throw new Error(`Cannot check the documentation: ${output}`);
    }
    return found.length === 0 ? 0 : 1;
  });
}
