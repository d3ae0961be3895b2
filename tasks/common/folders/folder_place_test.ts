import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { type HeardTask, taskHere } from "../../../tests/helpers/task_here.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { evalTask } from "../../eval.ts";
import { replicateTask } from "../../replicate.ts";
import { sweepTask } from "../../sweep.ts";
import { synthTask } from "../../synth.ts";
import { checkFolderPlace } from "./folder_place.ts";

/** Permissions of tasks behind a door, without `--allow-all`, which opens /dev. */
const DOOR = [
  "--unstable-worker-options",
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-ffi",
]
  .concat("--allow-sys", "--allow-net", "--allow-run");
const ROOT = new URL("../../../", import.meta.url).pathname;

/** Tasks that leave the process as it is when they only look; doors are processes, and export gives its permissions back. */
const HERE: Record<string, (args: readonly string[]) => Promise<number | void>> = {
  eval: evalTask,
  replicate: replicateTask,
  sweep: sweepTask,
  synth: synthTask,
};

/** What a task says, and the exit code it ends with. */
async function said(task: string, args: readonly string[]): Promise<HeardTask> {
  const here = HERE[task];
  if (here) return await taskHere(() => here(args));
  const permissions = task.startsWith("doors/") ? DOOR : ["-A"];
  const { code, stderr } = await runDeno(["run", ...permissions, "--no-check", `tasks/${task}.ts`, ...args]);
  return { code, out: stderr };
}

Deno.test("checkFolderPlace() gives the nearest folder that is there, and refuses a file on the way", () => {
  const folder = Deno.realPathSync(temporaryFolder());
  assertEquals(checkFolderPlace(`${folder}/a/b`, "out_dir"), folder);
  assertEquals([...Deno.readDirSync(folder)], []);
  Deno.writeTextFileSync(`${folder}/a`, "");
  if (Deno.build.os !== "windows") {
    assertThrows(
      () => checkFolderPlace("/dev/null/x", "out_dir"),
      RangeError,
      "/dev/null is a device. Choose another out_dir",
    );
  }
  for (const path of [`${folder}/a`, `${folder}/a/b/c`]) {
    assertThrows(
      () => checkFolderPlace(path, "out_dir"),
      RangeError,
      `Cannot write to ${path} as a folder is needed: ${folder}/a is a file. Choose another out_dir`,
    );
  }
});

Deno.test("a dry run of synth and replicate refuses a folder of another run, and what the run itself would refuse", async () => {
  const folder = temporaryFolder();
  Deno.writeTextFileSync(`${folder}/run.yaml`, "provenance: {}\n");
  const commands: [string[], string][] = [
    [["synth", `out_dir=${folder}`], "as the directory of a synthesis: its run.yaml is of something else"],
    [["synth", "rows=1e12"], "Cannot read rows: a number <= 10000000 is needed"],
    [["synth", "verify=rulez"], 'current value is "rulez" - did you mean "rules"?'],
    [
      ["replicate", `out_dir=${folder}`],
      "as the directory of a replication: its run.yaml is of something else",
    ],
    [["replicate", `out_dir=${folder}/a`, "model=/nowhere/m"], "Cannot find the model /nowhere/m"],
    [
      ["replicate", `out_dir=${folder}/a`, "train.lora_rnak=3"],
      'unknown key "lora_rnak" - did you mean "lora_rank"?',
    ],
  ];
  if (Deno.build.os === "linux") {
    // through their doors, which look for places beside it first
    commands.push([
      ["doors/train", "output_dir=/dev/null"],
      "/dev/null is a device. Choose another output_dir",
    ]);
    commands.push([["doors/train", "output_dir=/dev/shm/a"], "opens nothing under /dev, /proc and /sys"]);
    commands.push([["doors/eval", "cache=/dev/shm/a/b.db"], "opens nothing under /dev, /proc and /sys"]);
  }
  for (const [[task = "", ...args], expected] of commands) {
    const { code, out } = await said(task, [...args, "--dry-run"]);
    assertStringIncludes(out, expected, args.join(" "));
    assertEquals(code, 1);
  }
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["run.yaml"]);
});

Deno.test("a dry run of synth, replicate, eval, sweep and export refuses a file in its folder's place, and leaves it", async () => {
  const folder = temporaryFolder(), file = `${folder}/file`;
  Deno.writeTextFileSync(file, "mine");
  const commands = [
    ["synth", `out_dir=${file}`, "--dry-run"],
    ["replicate", `out_dir=${file}`, "--dry-run"],
    ["eval", `out_dir=${file}`, "--dry-run"],
    ["sweep", "examples/default_iopo.yaml", "lora_rank=4,8", "--out", file, "--dry-run"],
    ["export", `model_name_or_path=${ROOT}fixtures/constraints/model`, `export_dir=${file}/sub`, "--dry-run"],
  ];
  for (const [task = "", ...args] of commands) {
    const { code, out } = await said(task, args);
    assertStringIncludes(out, `${file} is a file`, task);
    assertEquals(code, 1, task);
  }
  assertEquals(Deno.readTextFileSync(file), "mine");
  await assertRejects(() => Deno.stat(`${file}/sub`));
});
