import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url).pathname;

/** Runs .ci/run with an npx that prints `output` and exits with `code`. */
async function closingLine(output: string, code: number): Promise<{ line: string; code: number }> {
  const folder = await Deno.makeTempDir();
  try {
    // a copy, so that ../shared isn't there and nothing is fetched
    await Deno.mkdir(`${folder}/repository/.ci`, { recursive: true });
    await Deno.copyFile(`${root}.ci/run`, `${folder}/repository/.ci/run`);
    await Deno.mkdir(`${folder}/bin`);
    // it is asked to fetch packages first, then to test
    const script =
      `#!/bin/sh\ncase "$*" in *install*) exit 0;; esac\ncat <<'END'\n${output}\nEND\nexit ${code}\n`;
    await Deno.writeTextFile(`${folder}/bin/npx`, script, { mode: 0o755 });
    const run = await new Deno.Command("bash", {
      args: [`${folder}/repository/.ci/run`],
      env: { PATH: `${folder}/bin:${Deno.env.get("PATH")}` },
    }).output();
    const lines = new TextDecoder().decode(run.stdout).trimEnd().split("\n");
    return { line: lines.at(-1)!, code: run.code };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: ".ci/run closes with the runner's counts, and fails when a test failed or none ran",
  ignore: Deno.build.os === "windows",
  async fn() {
    assertEquals(await closingLine("a ... ok\n\nok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)", 0), {
      line: "12 passed, 0 failed, 1 skipped",
      code: 0,
    });
    assertEquals(await closingLine("FAILED | 11 passed | 2 failed (3 steps) (2s)", 1), {
      line: "11 passed, 2 failed, 0 skipped",
      code: 1,
    });
    assertEquals((await closingLine("FAILED | 1 passed | 1 failed (1ms)", 0)).code, 1);
    assertEquals(await closingLine("ok | 0 passed | 0 failed (1ms)", 0), {
      line: "0 passed, 0 failed, 0 skipped",
      code: 1,
    });
    assertEquals(await closingLine("error: Type checking failed.", 1), {
      line: "0 passed, 0 failed, 0 skipped",
      code: 1,
    });
    assertEquals((await closingLine("nothing", 0)).code, 1);
  },
});
