/** A plugin of one's own that is edited between two runs: nothing that was cached by its earlier text is taken for the new one's. */
import { join } from "@std/path";

import { assertEquals, assertStringIncludes } from "@std/assert";

import { type DenoEnd, PROJECT_FOLDER, runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";

const MODEL = join(PROJECT_FOLDER, "fixtures/goldens/llamafactory/model");

const EVAL = `
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";
import { SCORE } from "./score.ts";
const TEXT = await Deno.readTextFile(new URL("./answer.txt", import.meta.url));
const common = { version: "1", description: "", options: z.strictObject({ offset: z.number().default(0) }) };
const verdict = (score) => ({ constraints: [{ score }], overall: { score }, raw: "" });
const item = { id: "a", messages: [{ role: "user", content: "?" }], constraints: [{ text: "c", groups: {} }], groups: {}, fields: {} };
export default [
  definePlugin({ ...common, kind: "judge", name: "j", create: ({ offset }) => ({
    scale: 1, judge: () => Promise.resolve(verdict(SCORE + offset)),
  }) }),
  definePlugin({ ...common, kind: "endpoint", name: "e", create: () => ({
    model: "m",
    complete: () => Promise.resolve({ outcome: "stop", text: TEXT, promptTokens: 1, completionTokens: 1 }),
    close: () => Promise.resolve(),
  }) }),
  definePlugin({ ...common, kind: "benchmark", name: "b", create: () => ({
    items: async function* () { yield item; },
    check: () => Promise.resolve(verdict(SCORE)),
    contributions: ({ judgement }) => [{ metric: "s", value: judgement?.overall.score ?? null, weight: 1 }],
  }) }),
];
`;

const LOSS = `
import { defineLoss, definePlugin } from "@dinotune/dinotune";
import { z } from "zod";
import { FACTOR } from "./factor.ts";
export default [
  definePlugin({
    kind: "loss", name: "l", version: "1", description: "", options: z.strictObject({}),
    create: () => defineLoss({
      shape: "single", sequences: { y: ["x", "y"] }, needsReference: false, normalize: "label_tokens",
      loss: ({ policy }) => ({ loss: policy.y.times(-FACTOR), metrics: {} }),
    }),
  }),
  definePlugin({
    kind: "template", name: "t", version: "1", description: "", options: z.strictObject({}),
    create: () => ({
      name: "t", stopWords: [], replaceEos: false, defaultSystem: "",
      encodeTurns: (t, { messages: [q, a] }) => [{ source: t.encode(q.content), target: t.encode(a.content.repeat(FACTOR)) }],
      encodePrompt: (t, { messages }) => t.encode(messages.at(-1).content),
    }),
  }),
];
`;

function run(folder: string, task: TaskName, ...args: string[]): Promise<DenoEnd> {
  return runDeno(taskWords(task, ...args), { env: { DINOTUNE_CACHE: join(folder, "cache") } });
}

async function withFiles(
  files: Record<string, string>,
  use: (folder: string, write: (name: string, text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
  try {
    for (const [name, text] of Object.entries(files)) await write(name, text);
    await use(folder, write);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("eval: an edited judge, benchmark or endpoint, a local import and a file of theirs count", () =>
  withFiles({
    "mine.ts": EVAL,
    "score.ts": 'export { SCORE } from "./number.ts";',
    "number.ts": "export const SCORE = 0.25;",
    "answer.txt": "one",
    "judged.yaml":
      "evaluator: {type: b, plugins: [./mine.ts], model: {type: e}, judge: {type: j}, cache: true}",
    "checked.yaml": "evaluator: {type: b, plugins: [./mine.ts], model: {type: e}, cache: true}",
  }, async (folder, write) => {
    const evaluate = async (file: string, out: string, ...more: string[]) => {
      const { code, all } = await run(
        folder,
        "eval",
        join(folder, file),
        `out_dir=${join(folder, out)}`,
        ...more,
      );
      assertEquals(code, 0, all);
      const results = JSON.parse(await Deno.readTextFile(join(folder, out, "results.json")));
      const items = (await Deno.readTextFile(join(folder, out, "items.jsonl"))).trim().split("\n");
      const answer = items.map((line) => JSON.parse(line)).findLast(({ stage }) => stage === "generate");
      return [results.headline.value, answer.completion.text, results.usage.cached];
    };
    assertEquals(await evaluate("judged.yaml", "a"), [0.25, "one", 0]);
    assertEquals(await evaluate("judged.yaml", "b"), [0.25, "one", 1], "unchanged: from the cache");
    assertEquals(await evaluate("judged.yaml", "b", "judge.args.offset=0.5"), [0.75, "one", 0], "options");
    await write("number.ts", "export const SCORE = 0.5;");
    assertEquals(await evaluate("judged.yaml", "c"), [0.5, "one", 0]);
    await write("mine.ts", EVAL.replace("verdict(SCORE)", "verdict(SCORE / 2)"));
    assertEquals(await evaluate("checked.yaml", "c", "overwrite=true"), [0.25, "one", 0]);
    await write("answer.txt", "two");
    assertEquals(await evaluate("checked.yaml", "d"), [0.25, "two", 0]);
  }));

Deno.test("train: data of an edited template are encoded again, and an edited loss isn't resumed with", () =>
  withFiles({
    "mine.ts": LOSS,
    "factor.ts": "export const FACTOR = 1;",
    "dataset_info.json": '{"rows": {"file_name": "rows.json"}}',
    // only data of some size are cached
    "rows.json": JSON.stringify([
      { instruction: "a", output: "b" },
      { instruction: "c", output: "d", unused: "x".repeat(1 << 19) },
    ]),
  }, async (folder, write) => {
    await write(
      "train.yaml",
      `model_name_or_path: ${MODEL}\noutput_dir: ${folder}/out\ndataset_dir: ${folder}\ndataset: rows\ndo_train: true\n` +
        "plugins: [./mine.ts]\ntemplate: t\nloss: l\nmax_steps: 2\nsave_steps: 1\nbackend: onnx\n",
    );
    const yaml = join(folder, "train.yaml");
    const learnt = async () => {
      const { stdout } = await run(folder, "preview", yaml, "--json", "disable_shuffling=true");
      const [first = ""] = stdout.split("\n");
      return JSON.parse(first).sequences[0].labels.filter((label: number) => label >= 0).length;
    };
    assertEquals(await learnt(), 1);
    assertEquals((await run(folder, "train", yaml)).code, 0);
    await write("factor.ts", "export const FACTOR = 2;");
    assertEquals(await learnt(), 2);
    await write("mine.ts", LOSS.replace("a.content.repeat(FACTOR)", "a.content"));
    const again = await run(folder, "train", yaml, "resume_from_checkpoint=true", "max_steps=2");
    assertEquals(again.code, 1);
    assertStringIncludes(
      again.all,
      "as plugins have changed since the checkpoint:\n  loss/l: version 1 with {} and source",
    );
    const allowed = await run(folder, "train", yaml, "resume_from_checkpoint=true", "allow_changes=true");
    assertEquals(allowed.code, 0, allowed.all);
  }));
