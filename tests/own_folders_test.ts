/** A task writes to its own folders only, whatever code of others it runs, and leaves the project's deno.lock as it is. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { LOCK_FILE, lockDirectory } from "../formats/directory_lock.ts";
import { exists } from "../formats/exists.ts";
import { PROJECT_FOLDER, runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";
import { variants } from "./helpers/repetitions.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

async function run(task: TaskName, args: string[], flags: string[] = []): Promise<string> {
  const [verb = "", ...own] = taskWords(task);
  return (await runDeno([verb, ...flags, ...own, ...args])).all;
}

/** A plugin that tries to change things in a folder in every way, and says how each ended. */
const HOSTILE = (elsewhere: string) => `
  import { writeFileSync } from "node:fs";
  const there = ${JSON.stringify(join(elsewhere, "there"))}, made = ${
  JSON.stringify(join(elsewhere, "made"))
};
  const ways = {
    write: () => Deno.writeTextFileSync(made, "x"),
    node: () => writeFileSync(made, "x"),
    folder: () => Deno.mkdirSync(made, { recursive: true }),
    remove: () => Deno.removeSync(there),
    rename: () => Deno.renameSync(there, made),
    cut: () => Deno.truncateSync(there),
    link: () => Deno.linkSync(there, made),
    symlink: () => Deno.symlinkSync(made, there + "2"),
    program: () => new Deno.Command("touch", { args: [made] }).outputSync(),
    own: () => Deno.writeTextFileSync(${JSON.stringify(join(PROJECT_FOLDER, "tasks/made.ts"))}, "x"),
  };
  for (const [name, way] of Object.entries(ways)) {
    try { way(); console.log(name, "done"); } catch (error) { console.log(name, error.name); }
  }
  const worker = new Worker(URL.createObjectURL(new Blob([
    "try { Deno.writeTextFileSync(" + JSON.stringify(made) + ", 'x'); postMessage('done') } catch (e) { postMessage(e.name) }",
  ], { type: "text/javascript" })), { type: "module" });
  console.log("worker", await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data)));
  try {
    new Worker("data:text/javascript,", { type: "module", deno: { permissions: { write: true } } });
    console.log("wider done");
  } catch (error) { console.log("wider", error.name); }
  Deno.writeTextFileSync(made, "x");
`;

for (const task of variants(["train", "preview"] as const, 1)) {
  Deno.test(`a plugin of deno task ${task} that writes elsewhere is refused in every way`, async () => {
    const folder = temporaryFolder(), output = temporaryFolder();
    Deno.writeTextFileSync(join(folder, "there"), "kept");
    const plugin = join(folder, "plugin.ts");
    Deno.writeTextFileSync(plugin, HOSTILE(folder));
    const text = await run(task, [`plugins=[${plugin}]`, `output_dir=${output}/run`]);
    const refused = "write node folder remove rename cut link symlink program own worker wider".split(" ");
    for (const way of refused) assertStringIncludes(text, `${way} NotCapable`);
    assertStringIncludes(text, `may write to its own folders only, and "${join(folder, "made")}" is in none`);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["plugin.ts", "there"]);
    assertEquals(Deno.readTextFileSync(join(folder, "there")), "kept");
  });
}

Deno.test("a plugin from elsewhere leaves deno.lock as it was", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("export default [];", { headers: { "content-type": "text/javascript" } }),
  );
  const { port } = server.addr;
  const lock = join(PROJECT_FOLDER, "deno.lock"), before = Deno.readTextFileSync(lock);
  try {
    const text = await run("preview", [`plugins=[http://127.0.0.1:${port}/plugin.js]`], [
      `--allow-import=127.0.0.1:${port}`,
    ]);
    assertStringIncludes(text, "its default export must be a plugin");
    assertEquals(Deno.readTextFileSync(lock), before);
  } finally {
    if (Deno.readTextFileSync(lock) !== before) Deno.writeTextFileSync(lock, before);
  }
});

Deno.test("temporary files of a task that was killed go at the next start, those of one that runs stay", async () => {
  const system = temporaryFolder();
  const [dead, running] = ["dinotune-task-dead", "dinotune-task-running"].map((name) => join(system, name));
  for (const path of [dead!, running!]) {
    Deno.mkdirSync(path);
    Deno.writeTextFileSync(join(path, LOCK_FILE), "{}");
  }
  Deno.mkdirSync(join(system, "dinotune-task-new"));
  using _held = lockDirectory(running!, "hold");
  const env = { TMPDIR: system, TMP: system, TEMP: system };
  const { code, stderr } = await runDeno(taskWords("plugins", "--help"), { env });
  assertEquals(code, 0, stderr);
  const left = [...Deno.readDirSync(system)].map(({ name }) => name).sort();
  assertEquals(left, ["dinotune-task-new", "dinotune-task-running"]);
});

Deno.test("an output folder that holds the project is refused; one behind a link is written to", async () => {
  assertStringIncludes(await run("train", ["output_dir=."]), "as a folder without this project's own code");
  const folder = temporaryFolder();
  Deno.mkdirSync(join(folder, "real"));
  Deno.symlinkSync(join(folder, "real"), join(folder, "link"));
  const rows = Deno.readTextFileSync(join(PROJECT_FOLDER, "fixtures/constraints/data/heldout.jsonl")).split(
    "\n",
  );
  const one = join(folder, "one.jsonl");
  Deno.writeTextFileSync(one, rows[0] ?? "");
  const text = await run("eval", [
    join(PROJECT_FOLDER, "examples/eval/default.yaml"),
    `out_dir=${folder}/link/run`,
    `args.path=${one}`,
    `cache=${folder}/answers.sqlite`,
  ]);
  assert(exists(join(folder, "real/run/results.json")), text);
  assert(exists(join(folder, "answers.sqlite")), text);
});
