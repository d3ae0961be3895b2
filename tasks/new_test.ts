import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse } from "yaml";

import project from "../deno.json" with { type: "json" };
import { KINDS } from "../plugins/kinds/plugin.ts";
import { runDeno } from "../tests/helpers/deno_process.ts";
import { taskHere } from "../tests/helpers/task_here.ts";
import { taskCommand } from "./common/process/command.ts";
import { evalTask } from "./eval.ts";
import { NEW_KINDS, newPlugin, runsFolder } from "./new.ts";
import { preview } from "./preview.ts";
import { dryRun } from "./train.ts";

/** Kinds whose tests are run in a folder of their own: `deno task test` runs all of them where the templates lie. */
const TESTED_KINDS = NEW_KINDS.filter((kind) =>
  Deno.env.has("TEST_ALL") || ["loss", "benchmark"].includes(kind)
);

const root = new URL("../", import.meta.url).pathname;

async function run(args: string[], cwd: string, env: Record<string, string> = {}) {
  const { code, all } = await runDeno(args, { cwd, env: { DINOTUNE_CACHE: join(cwd, ".cache"), ...env } });
  return { code, out: all };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Looks at a file as its task does; own_plugins_test.ts does it under each task's own permissions. */
const TRIED: Record<"train" | "eval" | "preview", (yaml: string) => Promise<number | void>> = {
  train: async (yaml) => void await dryRun(yaml, [], () => {}),
  eval: (yaml) => evalTask([yaml, "--dry-run"]),
  preview: (yaml) => preview(yaml, [], { limit: 1, say: () => {}, note: () => {} }),
};

Deno.test("deno task new: outside of the checkout, each kind's test passes as written and its YAML works", () =>
  inFolder(async (folder) => {
    assertEquals(NEW_KINDS.toSorted(), KINDS.toSorted());
    for (const kind of NEW_KINDS) {
      const { files, notes } = await newPlugin(kind, `plugins/${kind}_of_mine`, folder);
      for (const name of [`${kind}_of_mine.ts`, `${kind}_of_mine_test.ts`, `${kind}_of_mine.yaml`]) {
        assert(files.includes(join(folder, "plugins", name)), name);
      }
      assertEquals(notes, []);
    }
    const plugins = join(folder, "plugins");
    // The command that is printed: no permission, the folder's own deno.json. The types are checked where the
    // templates lie (tasks/new/): here that would check the whole program a second time, a minute of two cores.
    const tests = await run(
      ["test", "--no-check", ...TESTED_KINDS.map((kind) => `${kind}_of_mine_test.ts`)],
      plugins,
    );
    assertEquals(tests.code, 0, tests.out);
    assertStringIncludes(tests.out, "| 0 failed");
    for (const kind of TESTED_KINDS) assertStringIncludes(tests.out, `${kind}_of_mine:`);

    for (const kind of NEW_KINDS) {
      const yaml = join(plugins, `${kind}_of_mine.yaml`);
      const text = await Deno.readTextFile(yaml);
      const task = /(train|eval|preview) \S+\.yaml$/m.exec(text)?.[1] as "train" | "eval" | "preview";
      const { code, out } = await taskHere(() => TRIED[task](yaml));
      assertEquals(code, 0, `${kind}: ${out}`);
    }
  }));

Deno.test("deno task new: what is written is formatted and free of lint by its folder's own settings, whatever its name", () =>
  inFolder(async (folder) => {
    for (const name of ["x", "a_name_of_mine", "a_long_name_of_my_own_plugin"]) {
      for (const kind of NEW_KINDS) await newPlugin(kind, `${kind}/${name}`, folder);
    }
    // what a run writes is nobody's to format
    await Deno.mkdir(join(folder, "loss/x_run"));
    await Deno.writeTextFile(join(folder, "loss/x_run/all_results.json"), '{"loss":    1}');
    for (const kind of NEW_KINDS) {
      for (const args of [["fmt", "--check"], ["lint"]]) {
        const { code, out } = await run(args, join(folder, kind));
        assertEquals(code, 0, `${kind}: ${out}`);
      }
    }
  }));

Deno.test("deno task new: a benchmark of one's own is evaluated to its end", () =>
  inFolder(async (folder) => {
    await newPlugin("benchmark", "sums", folder);
    const evaluated = await run(
      [
        ...project.tasks.eval.command.split(" ").slice(1),
        join(folder, "sums.yaml"),
        "args.items=2",
        "cache=false",
      ],
      root,
    );
    assertEquals(evaluated.code, 0, evaluated.out);
    assertStringIncludes(evaluated.out, "2 items, 2 answered, 2 judged");
  }));

Deno.test("runs of a plugin in the checkout go to saves, which git and deno fmt pass over; others lie beside theirs", () => {
  for (const folder of ["", "mine", "plugins/losses"]) {
    assertEquals(runsFolder(join(root, folder)), join(root, "saves"));
  }
  for (const folder of [join(root, ".."), join(root, "../plugins")]) assertEquals(runsFolder(folder), folder);
});

Deno.test("newPlugin() writes a folder's name as it is, whatever stands in it", () =>
  inFolder(async (folder) => {
    for (const odd of ["RUNS FOLDER", "run #2", "a: b, {c}", "$& $$"]) {
      const target = join(folder, odd);
      await newPlugin("loss", join(target, "margin"), folder);
      const yaml = await Deno.readTextFile(join(target, "margin.yaml"));
      assertEquals(parse(yaml).output_dir, join(target, "margin_run"));
      // pasted in the file's own folder, where no deno.json has a task
      assertStringIncludes(yaml, `: ${taskCommand("train", [join(target, "margin.yaml")])}\n`);
    }
  }));

Deno.test("newPlugin() gives no plugin the name of a built-in one of its kind, nor another name of it", () =>
  inFolder(async (folder) => {
    for (const [kind, name] of [["loss", "dpo"], ["endpoint", "vllm"]] as const) {
      await assertRejects(
        () => newPlugin(kind, name, folder),
        RangeError,
        `Cannot name a plugin "${name}" as a built-in ${kind} has that name: my_${name}, for example`,
      );
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("newPlugin() overwrites nothing, and writes nothing then", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "margin_test.ts"), "mine");
    await assertRejects(
      () => newPlugin("loss", "margin", folder),
      RangeError,
      "margin_test.ts as it is there already",
    );
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["margin_test.ts"]);
    assertEquals(await Deno.readTextFile(join(folder, "margin_test.ts")), "mine");
  }));

Deno.test("newPlugin() names a folder's deno.json that doesn't know the package, and leaves it alone", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    const { notes } = await newPlugin("judge", "inner/brevity", folder);
    assertStringIncludes(notes.join(), `${folder}/deno.json has to name the package`);
    assertStringIncludes(notes.join(), '"@dinotune/dinotune":"jsr:@dinotune/dinotune@^');
    assertEquals(await Deno.readTextFile(join(folder, "deno.json")), "{}");
  }));

Deno.test("deno task new: --help has examples, misspelt kinds and names are reported", () =>
  inFolder(async (folder) => {
    const task = (...args: string[]) =>
      run([...project.tasks.new.command.split(" ").slice(1), ...args], root, { INIT_CWD: folder });
    const help = await task("--help");
    assertStringIncludes(help.out, "deno task new loss margin");
    assertStringIncludes((await task("los", "margin")).out, 'the kind "los" - did you mean "loss"?');
    const named = (await task("loss", "My Loss!")).out;
    assertStringIncludes(named, 'Cannot name a plugin "My Loss!"');
    assertStringIncludes(named, "needed: my_loss, for example");
    assertStringIncludes((await task("loss")).out, "current value is loss");
    assertStringIncludes((await task("margin", "loss")).out, "comes first: write deno task new loss margin");
    assertStringIncludes((await task("loss", "mine/")).out, 'name a plugin "mine/"');
    const made = await task("endpoint", "echo");
    assertEquals(made.code, 0, made.out);
    assertStringIncludes(made.out, `${folder}/echo.ts`);
    // works in any folder, the plugin's own too
    assertStringIncludes(made.out, taskCommand("eval", [`${folder}/echo.yaml`]));
  }));
