import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { LINUX, UNIX } from "../../../tests/helpers/system.ts";

const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

Deno.test("a task that may look at no variable of the environment still says what is wrong", async () => {
  const words = ["run", "--no-check", "--no-prompt", "--allow-read", "--deny-env", "tasks/doors/export.ts"];
  const { code, stderr } = await runDeno([...words, "export_dir=out"]);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^error: the task has no permission to look at the environment's "\w+"/,
  );
});

Deno.test({
  name: `a task whose standard output is on a full disk says so${LINUX.why}`,
  ignore: LINUX.ignore,
  fn: async () => {
    const module = (name: string) => JSON.stringify(import.meta.resolve(name));
    for (const printing of ["print('a')", "printAsItIs('a')"]) {
      const code = `import { print, printAsItIs } from ${module("./print.ts")}; import { runTask } from ${
        module("./run_task.ts")
      }; void runTask(() => Promise.resolve(${printing}))`;
      const { stderr } = await new Deno.Command("sh", {
        args: [
          "-c",
          `echo "$1" | '${Deno.execPath()}' run -A --no-check --config '${CONFIG}' - > /dev/full`,
          "sh",
          code,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      assertStringIncludes(
        new TextDecoder().decode(stderr),
        "error: Cannot write standard output: the disk is full (No space left on device (os error 28))",
      );
    }
  },
});

Deno.test({
  name:
    `a task that writes more than a limit on files' sizes allows says so, where the system would end it without a word${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const path = join(temporaryFolder(), "large");
    const code = `import { runTask } from ${JSON.stringify(import.meta.resolve("./run_task.ts"))};
      void runTask(async () => {
        using file = Deno.openSync(${JSON.stringify(path)}, { write: true, create: true });
        file.seekSync(2e9, Deno.SeekMode.Start);
        file.writeSync(new Uint8Array(1));
      });`;
    const { code: exit, stderr } = await new Deno.Command("bash", {
      args: [
        "-c",
        `ulimit -f 1000000; echo "$1" | '${Deno.execPath()}' run -A --no-check --config '${CONFIG}' -`,
        "bash",
        code,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals([exit, new TextDecoder().decode(stderr)], [
      1,
      "error: Cannot write a file as files of this size aren't allowed here, by a limit of this process (`ulimit -f` shows it) or of the file system\n",
    ]);
  },
});

Deno.test("a task that waits for what never ends is an error, not a run that went well", async () => {
  const script = `import { runTask } from "${new URL(
    "./run_task.ts",
    import.meta.url,
  )}"; void runTask(() => new Promise(() => {}));`;
  const { code, stderr } = await runDeno(["eval", script]);
  assertStringIncludes(stderr, "error: Cannot finish as something that the task waits for");
  assertEquals(code, 1);
});
