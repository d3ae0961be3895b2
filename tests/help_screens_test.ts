/**
 * Each task's `--help`, with the permissions that deno.json gives the task: a screen of 24 lines and 80 columns, whose examples have
 * flags and keys that there are, as have the commands of the docs.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { exists } from "../formats/exists.ts";
import { exportTable } from "../tasks/export/keys.ts";
import { keyTable } from "../tasks/train/config/key_table.ts";
import { runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";

const ROOT = new URL("../", import.meta.url).pathname;

const TRAINING = [...keyTable().keys()];
/** Tasks of users; the others are for developers. */
type Task = Exclude<TaskName, "test" | "test:all" | "check" | "lint" | "ok">;

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
  const { code, stdout, stderr } = await runDeno(taskWords(task, ...words, "--help"));
  assertEquals(code, 0, `${task}: ${stderr}`);
  return stdout.trimEnd();
}

const verbHelps = new Map<string, Promise<string>>();

/** The help of a task's verb, asked for once: each is a process. */
function helpOnce(task: Task, verb: string): Promise<string> {
  const name = `${task} ${verb}`, text = verbHelps.get(name) ?? help(task, verb);
  verbHelps.set(name, text);
  return text;
}

/** A command's faults: flags and keys that its task doesn't have, example files that aren't there. */
async function faultsOf(command: string, texts: ReadonlyMap<string, string>): Promise<string[]> {
  const [, , name = "", ...words] = command.split(" ");
  const keys = TASKS[name as Task], [verb = ""] = words;
  const ownHelp = name === "bench" || name === "eval" && ["compare", "card"].includes(verb);
  const whole = ownHelp ? await helpOnce(name as Task, verb) : texts.get(name);
  const known = whole?.split("\n").filter((line) => !/^ +deno task /.test(line)).join("\n") ?? "";
  const flags = [...command.matchAll(/ --([a-z-]+)/g)].map(([, flag = ""]) => flag);
  const named = [...command.replace(/--[a-z-]+ \S+/g, "").matchAll(/[ '](\w+)[\w.]*=/g)].map(([, key = ""]) =>
    key
  );
  const isNamed = (key: string) => new RegExp(`(^|[ ,[])${key}([,=:]|$| )`, "m").test(known);
  return [
    ...flags.filter((flag) => !new RegExp(`--${flag}(?![a-z-])`).test(known)).map((flag) => `no --${flag}`),
    ...named.filter((key) => !keys.includes(key) && !isNamed(key)).map((key) => `no key ${key}`),
    ...words.filter((word) => /^examples\/\S+\.\w+$/.test(word) && !exists(join(ROOT, word)))
      .map((word) => `no file ${word}`),
  ].map((fault) => `${command}: ${fault}`);
}

/** Commands of a page's blocks for the shell, comments left out; lines that end in a backslash go on. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) =>
    [...block.replaceAll("\\\n", " ").matchAll(/deno task (\w+)[^#\n]*/g)]
      .filter(([, task = ""]) => Object.hasOwn(TASKS, task))
      .map(([command]) => command.trim().replaceAll(/ +/g, " "))
  );
}

const isAll = Deno.env.has("TEST_ALL");
Deno.test({
  name:
    `every task's help is a screen, and examples there and in the docs have no flag, key or file that there isn't${
      isAll ? "" : " (TEST_ALL isn't set: twenty processes)"
    }`,
  ignore: !isAll,
  fn: async () => {
    const texts = new Map(
      await Promise.all(Object.keys(TASKS).map(async (task) => [task, await help(task as Task)] as const)),
    );
    for (const [task, text] of texts) {
      const lines = text.split("\n");
      assert(lines.length < 24, `${task}: ${lines.length} lines`);
      assertEquals(lines.filter((line) => line.length > 80), [], task);
      assertEquals(lines.filter((line) => /^Examples?$/.test(line)), [], task);
      const examples = lines.flatMap((line) => /^ +(deno task .*?)(?: {3,}.*)?$/.exec(line)?.[1] ?? []);
      assert(examples.length > 0, task);
      for (const example of examples) assertEquals(await faultsOf(example, texts), []);
    }
    const pages = [...Deno.readDirSync(join(ROOT, "docs"))].map(({ name }) => `docs/${name}`)
      .filter((name) => name.endsWith(".md"));
    const commands = ["README.md", "CONTRIBUTING.md", ...pages]
      .flatMap((page) => commandsOf(Deno.readTextFileSync(join(ROOT, page))));
    assert(commands.length > 40);
    const faults = await Promise.all([...new Set(commands)].map((command) => faultsOf(command, texts)));
    assertEquals(faults.flat(), []);
    const wrong = commandsOf(
      "```sh\ndeno task train examples/gone.yaml \\\n  lora_rnak=4 --dryrun # text\n```\n",
    );
    assertEquals((await faultsOf(wrong[0] ?? "", texts)).map((fault) => fault.split(": ")[1]), [
      "no --dryrun",
      "no key lora_rnak",
      "no file examples/gone.yaml",
    ]);
  },
});
