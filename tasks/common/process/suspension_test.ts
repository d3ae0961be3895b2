/** Ctrl-Z in a task that `deno task` started (it sets INIT_CWD), behind a door and without one. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { PROJECT_FOLDER, startDeno } from "../../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { LINUX, UNIX } from "../../../tests/helpers/system.ts";

const root = new URL("../../../", import.meta.url);
const waits = `console.log("ready"); await new Promise((done) => setTimeout(done, 600_000));`;
const TASKS = {
  "without a door":
    `import { runTask } from "${root}tasks/common/cli/run_task.ts"; await runTask(async () => { ${waits} });`,
  "behind a door":
    `import { openDoor } from "${root}tasks/doors/open.ts"; openDoor(new URL("./task.ts", import.meta.url), []);`,
};

function started(code: string, env: Readonly<Record<string, string>>): Deno.ChildProcess {
  const folder = temporaryFolder(), start = join(folder, "start.ts");
  Deno.writeTextFileSync(start, code);
  Deno.writeTextFileSync(join(folder, "task.ts"), `${waits}\nexport {};`);
  const flags = [
    "-A",
    "--no-check",
    "--unstable-worker-options",
    "--config",
    join(PROJECT_FOLDER, "deno.json"),
  ];
  return startDeno(["run", ...flags, start], { env: { INIT_CWD: folder, ...env } });
}

for (const [where, code] of Object.entries(TASKS)) {
  Deno.test({
    name: `Ctrl-Z stops no task that deno task started, and is told: ${where}${UNIX.why}`,
    ignore: UNIX.ignore,
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

/** Whether a process has a listener of its own for Ctrl-Z: where it has none the system stops it. */
function hearsSuspension(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? "0";
  return (BigInt(`0x${caught}`) >> BigInt(SIGTSTP - 1) & 1n) === 1n;
}
const SIGTSTP = 20;

Deno.test({
  name: `Ctrl-Z is left to the system in a task of the installed command${LINUX.why}`,
  ignore: LINUX.ignore,
  async fn() {
    // Not sent: the system passes it by itself in a process group that no shell waits for, as under a CI.
    for (const [env, hears] of [[{ DINOTUNE_COMMAND: "dinotune" }, false], [{}, true]] as const) {
      await using process = started(TASKS["behind a door"], env);
      const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await output.read()).value, "ready\n");
      assertEquals(hearsSuspension(process.pid), hears);
      process.kill("SIGKILL");
      await Promise.all([output.cancel(), process.stderr.cancel()]);
    }
  },
});
