import { assertEquals } from "@std/assert";

import { UNIX } from "../../tests/helpers/system.ts";
import { killedWith } from "../../tests/helpers/killed.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until, within } from "../../tests/helpers/until.ts";

const address = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A bench: a folder of its own, and a process that never ends by itself, whose number it prints. */
const BENCH = `import { ownTemporaryFolder } from ${address("../../formats/own_temporary_folder.ts")};
import { startChild } from ${address("./child.ts")};
ownTemporaryFolder("bench-");
const child = startChild("sleep", { args: ["1000"] });
console.log(child.pid);
await child.status;`;

Deno.test({
  name: `a bench that a signal ends takes the processes that it started and its folder with it${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const TMPDIR = temporaryFolder();
    const bench = new Deno.Command(Deno.execPath(), {
      args: ["eval", BENCH],
      env: { TMPDIR },
      stdout: "piped",
    }).spawn();
    await using _bench = killedWith(bench);
    const reader = bench.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const child = Number((await within("the number of its process", reader.read())).value);
    assertEquals(isRunning(child), true);
    bench.kill("SIGTERM");
    const { code } = await within("its end", bench.status);
    assertEquals([code, [...Deno.readDirSync(TMPDIR)]], [143, []]);
    await until("the end of its process", () => !isRunning(child), { patience: 60_000 });
    await reader.cancel();
  },
});

/** True if there is such a process, and not only its exit code. */
function isRunning(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] }).outputSync();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}
