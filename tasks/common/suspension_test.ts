/** Ctrl-Z in a task that `deno task` started (it sets INIT_CWD), behind a door and without one. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until } from "../../tests/helpers/until.ts";

const root = new URL("../../", import.meta.url);
const waits = `console.log("ready"); await new Promise((done) => setTimeout(done, 600_000));`;
const TASKS = {
  "without a door":
    `import { runTask } from "${root}tasks/common/cli.ts"; await runTask(async () => { ${waits} });`,
  "behind a door":
    `import { openDoor } from "${root}tasks/doors/open.ts"; openDoor(new URL("./task.ts", import.meta.url), []);`,
};

function started(code: string, env: Record<string, string>): Deno.ChildProcess {
  const folder = temporaryFolder(), start = join(folder, "start.ts");
  Deno.writeTextFileSync(start, code);
  Deno.writeTextFileSync(join(folder, "task.ts"), `${waits}\nexport {};`);
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--unstable-worker-options",
      "--config",
      new URL("deno.json", root).pathname,
      start,
    ],
    env: { NO_COLOR: "1", INIT_CWD: folder, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

for (const [where, code] of Object.entries(TASKS)) {
  Deno.test({
    name: `Ctrl-Z stops no task that deno task started, and is told: ${where}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using process = started(code, {});
      const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await output.read()).value, "ready\n");
      process.kill("SIGTSTP");
      const errors = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
      const told = errors.read();
      // a stopped one says nothing, until it is killed
      const killing = setTimeout(() => process.kill("SIGKILL"), 60_000);
      const { value = "" } = await told;
      clearTimeout(killing);
      process.kill("SIGKILL");
      await Promise.all([output.cancel(), errors.cancel()]);
      assertStringIncludes(value, "note: Ctrl-Z is passed by");
    },
  });
}

Deno.test({
  name: "Ctrl-Z stops a task of the installed command, which stops with it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using process = started(TASKS["behind a door"], { DINOTUNE_COMMAND: "dinotune" });
    const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await output.read()).value, "ready\n");
    process.kill("SIGTSTP");
    await until("a stopped process", () => / T /.test(Deno.readTextFileSync(`/proc/${process.pid}/stat`)));
    process.kill("SIGKILL");
    await Promise.all([output.cancel(), process.stderr.cancel()]);
  },
});
