import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import project from "../deno.json" with { type: "json" };
import { runDeno } from "../tests/helpers/deno_process.ts";
import { taskArguments } from "./dinotune.ts";
import { UNIX } from "../tests/helpers/system.ts";

const root = new URL("../", import.meta.url).pathname;

Deno.test("taskArguments() makes files and denied folders absolute and keeps everything else", () => {
  assertEquals(
    taskArguments(
      "deno run --allow-read --deny-write=.git,tasks --v8-flags=--a=4,--b tasks/train.ts",
      "/clone",
    ),
    [
      "run",
      "--config",
      "/clone/deno.json",
      "--allow-read",
      "--deny-write=/clone/.git,/clone/tasks",
      "--v8-flags=--a=4,--b",
      "/clone/tasks/train.ts",
    ],
  );
});

Deno.test("no task asks on a terminal for a permission that it hasn't got (docs/security.md)", () => {
  const asking = Object.entries(project.tasks).filter(([, { command }]) =>
    command.startsWith("deno run ") && !command.includes(" --no-prompt ")
  );
  assertEquals(asking.map(([name]) => name), []);
});

Deno.test({
  name:
    `dinotune, installed as documented, runs tasks from any folder and names itself in what it prints${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const folder = await Deno.makeTempDir(), elsewhere = join(folder, "elsewhere");
    const run = async (command: string, args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(command, {
        args,
        cwd: folder,
        // As a program has it that npm or a task of Deno started elsewhere.
        env: { NO_COLOR: "1", HOME: folder, DENO_DIR: denoDir, INIT_CWD: elsewhere },
      }).output();
      const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, out: out ?? "", error: error ?? "" };
    };
    const { denoDir } = JSON.parse((await runDeno(["info", "--json"])).stdout);
    try {
      const words = "install --global --name dinotune --allow-read --allow-env --allow-run".split(" ");
      const installed = await run(Deno.execPath(), [...words, join(root, "tasks/dinotune.ts")]);
      assertEquals(installed.code, 0, installed.error);
      const dinotune = join(folder, ".deno/bin/dinotune");
      assertEquals((await run(dinotune, ["--version"])).out.trim(), project.version);
      const developers = ["test", "test:all", "check", "lint", "ok"];
      const verbs = (await run(dinotune, ["--help"])).out;
      for (const task of Object.keys(project.tasks)) {
        assertEquals(verbs.includes(`\n  ${task} `), !developers.includes(task), task);
      }
      const wrong = await run(dinotune, ["trian"]);
      assertEquals(wrong.code, 1);
      assertStringIncludes(wrong.error, 'Cannot run "trian" - did you mean "train"?: verbs are train, ');
      assertStringIncludes((await run(dinotune, ["zzz"])).error, 'Cannot run "zzz": verbs are train, ');

      const made = await run(dinotune, ["new", "loss", "margin"]);
      assertEquals(made.code, 0, made.error);
      assertEquals(Deno.statSync(join(folder, "margin.ts")).isFile, true);

      // a file with paths beside it, named from another folder, and its output in the working folder
      await Deno.mkdir(join(folder, "mine/data"), { recursive: true });
      await Deno.symlink(join(root, "fixtures/constraints/model"), join(folder, "mine/model"));
      await Deno.writeTextFile(
        join(folder, "mine/data/rows.jsonl"),
        JSON.stringify({ instruction: "Say hello.", input: "", output: "Hello." }) + "\n",
      );
      await Deno.writeTextFile(
        join(folder, "mine/train.yaml"),
        "model_name_or_path: model\ndo_train: true\nstage: sft\ndataset: data/rows.jsonl\ntemplate: chatml\noutput_dir: out\n",
      );
      const preview = await run(dinotune, ["preview", "mine/train.yaml"]);
      assertEquals(preview.code, 0, preview.error);
      assertStringIncludes(preview.out, "mine/data/rows.jsonl, row 0");
      const help = await run(dinotune, ["train", "--help"]);
      assert(help.out.includes("dinotune train my.yaml") && !help.out.includes("deno task"), help.out);
      const lines = help.out.trimEnd().split("\n");
      assert(
        lines.length <= 24 && lines.every((line) => line.length <= 80),
        `${lines.length} lines\n${help.out}`,
      );
      // what examples name is there, wherever they are typed
      const exporting = (await run(dinotune, ["export", "--help"])).out;
      assert(!exporting.includes("deno task"), exporting);
      const shownFiles = exporting.match(/\S*examples\/\S+/g) ?? [];
      assert(shownFiles.length > 0);
      for (const path of shownFiles) assert(path.startsWith("/") && Deno.statSync(path).isFile, path);
      const missing = await run(dinotune, ["export", "model_name_or_path=./mine/gone", "export_dir=out"]);
      assertEquals(missing.code, 1);
      assertStringIncludes(missing.error, join(Deno.realPathSync(folder), "mine/gone"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
