import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { UNIX } from "./helpers/system.ts";

const root = new URL("../", import.meta.url).pathname;

/** Runs .ci/run with an npx that prints `output` and exits with `code`; `asked` are the tasks it was asked for, sorted. */
async function runCi(
  output: string,
  code: number,
  typesCode = 0,
): Promise<{ lines: string[]; code: number; asked: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    // a copy, so that ../shared isn't there and nothing is fetched
    await Deno.mkdir(`${folder}/repository/.ci`, { recursive: true });
    await Deno.copyFile(`${root}.ci/run`, `${folder}/repository/.ci/run`);
    await Deno.mkdir(`${folder}/bin`);
    // it is asked to fetch packages first, then to test
    const script = `#!/bin/sh
case "$*" in *install*) exit 0;; esac
echo "$*" >> '${folder}/asked'
case "$*" in *check*) echo "TS2322 of types"; exit ${typesCode};; esac
cat <<'END'
${output}
END
exit ${code}
`;
    await Deno.writeTextFile(`${folder}/bin/npx`, script, { mode: 0o755 });
    const run = await new Deno.Command("bash", {
      args: [`${folder}/repository/.ci/run`],
      // nothing else: where CI is true it would install system packages, for every run of this test
      clearEnv: true,
      env: { PATH: `${folder}/bin:${Deno.env.get("PATH")}` },
    }).output();
    const lines = new TextDecoder().decode(run.stdout).trimEnd().split("\n");
    const asked = (await Deno.readTextFile(`${folder}/asked`)).trim().split("\n");
    return {
      lines,
      code: run.code,
      asked: asked.map((words) => words.replace(/^.* task /, "")).sort(),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: `.ci/run closes with the runner's counts, and fails when a test failed or none ran${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const closing = async (output: string, code: number) => {
      const { lines, code: status } = await runCi(output, code);
      return { line: lines.at(-1), code: status };
    };
    assertEquals(await closing("a ... ok\n\nok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)", 0), {
      line: "12 passed, 0 failed, 1 skipped",
      code: 0,
    });
    assertEquals(await closing("FAILED | 11 passed | 2 failed (3 steps) (2s)", 1), {
      line: "11 passed, 2 failed, 0 skipped",
      code: 1,
    });
    assertEquals((await closing("FAILED | 1 passed | 1 failed (1ms)", 0)).code, 1);
    assertEquals(await closing("ok | 0 passed | 0 failed (1ms)", 0), {
      line: "0 passed, 0 failed, 0 skipped",
      code: 1,
    });
    assertEquals(await closing("error: Cannot load a module", 1), {
      line: "0 passed, 0 failed, 0 skipped",
      code: 1,
    });
    assertEquals((await closing("nothing", 0)).code, 1);
  },
});

Deno.test({
  name: `.ci/run checks types and runs every test, those on an adapter that is a CPU, too${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const ok = "ok | 1 passed | 0 failed (1ms)";
    const closing = "1 passed, 0 failed, 0 skipped";
    assertEquals(await runCi(ok, 0), { lines: [ok, closing], code: 0, asked: ["check", "test:all"] });
    const { code, lines } = await runCi(ok, 0, 1);
    assertEquals({ code, lines }, { code: 1, lines: [ok, "TS2322 of types", closing] });
    // the same run, with the documentation's examples and each file that is mostly skipped elsewhere by itself
    const others = {
      "tests/helpers/together.ts)": "tests/helpers/together.ts all)",
      "--parallel": "--parallel --doc",
      "DENO_V8_FLAGS=--min-semi-space-size=16 ": "",
    };
    const all = Object.entries(others).reduce((run, [part, other]) => {
      assert(run.includes(part), part);
      return run.replace(part, () => other);
    }, project.tasks.test.command);
    assertEquals(project.tasks["test:all"].command, `TEST_ALL=1 ${all}`);
  },
});
