/**
 * Each task's `--help`, with the permissions that deno.json gives the task: a screen of 24 lines and 80 columns, whose examples have
 * flags and keys that there are.
 */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { exportTable } from "../tasks/export/config.ts";
import { keyTable } from "../tasks/train/config/key_table.ts";

const ROOT = new URL("../", import.meta.url).pathname;

const TRAINING = [...keyTable().keys()];
/** Tasks of users; the others are for developers. */
type Task = Exclude<keyof typeof project.tasks, "test" | "test:all" | "check" | "lint" | "ok">;

/** Tasks, and keys of their files that their help doesn't list itself. */
const TASKS: Record<Task, readonly string[]> = {
  train: TRAINING,
  eval: [],
  serve: [],
  chat: [],
  synth: [],
  export: [...exportTable().keys()],
  sweep: TRAINING,
  compare: [],
  replicate: [],
  board: [],
  bench: [],
  doctor: [],
  preview: TRAINING,
  new: [],
  plugins: [],
};

async function help(task: Task, ...words: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...project.tasks[task].split(" ").slice(1), ...words, "--help"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  assert(success, task);
  return new TextDecoder().decode(stdout).trimEnd();
}

Deno.test("every task's help is a screen, and its examples have no flag or key that there isn't", async () => {
  const texts = await Promise.all(Object.keys(TASKS).map((task) => help(task as Task)));
  for (const [i, [task, keys]] of Object.entries(TASKS).entries()) {
    const text = texts[i] ?? "", lines = text.split("\n");
    assert(lines.length < 24, `${task}: ${lines.length} lines`);
    assertEquals(lines.filter((line) => line.length > 80), [], task);
    const examples = lines.flatMap((line) => /^ +(deno task .*?)(?: {3,}.*)?$/.exec(line)?.[1] ?? []);
    assert(examples.length > 0, task);
    for (const example of examples) {
      const [, , name = "", ...words] = example.split(" ");
      // a bench's flags are in that bench's own help, a process each
      if (name === "bench" && !Deno.env.has("TEST_ALL")) continue;
      const whole = name === "bench"
        ? await help(name, words[0] ?? "")
        : texts[Object.keys(TASKS).indexOf(name)];
      const known = whole?.split("\n").filter((line) => !/^ +deno task /.test(line)).join("\n") ?? "";
      for (const flag of example.matchAll(/ --([a-z-]+)/g)) {
        assert(new RegExp(`--${flag[1]}(?![a-z-])`).test(known), `${example}: no --${flag[1]} in ${known}`);
      }
      for (const [, key = ""] of example.replace(/--[a-z-]+ \S+/g, "").matchAll(/[ '](\w+)[\w.]*=/g)) {
        const isNamed = new RegExp(`(^|[ ,])${key}(,|$| )`, "m").test(known);
        assert(keys.includes(key) || isNamed, `${example}: no key ${key}`);
      }
    }
  }
});
