/** A template and a model family of one's own, in a folder outside of the checkout, go through every task as built-in ones do. */
import { join } from "@std/path";

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { loadTokenizerSync } from "../formats/tokenizer/mod.ts";
import { evalTask } from "../tasks/eval.ts";
import { preview } from "../tasks/preview.ts";
import { type DenoEnd, PROJECT_FOLDER, runDeno, type TaskName, taskWords } from "./helpers/deno_process.ts";
import { taskHere } from "./helpers/task_here.ts";

const MODEL = join(PROJECT_FOLDER, "fixtures/goldens/llamafactory/model");

/** As a user writes it: what it needs comes from the package, and another plugin by the run's registry. */
const PLUGINS = `
import { definePlugin } from "@dinotune/dinotune";
import { z } from "zod";

const template = definePlugin({
  kind: "template",
  name: "mine",
  version: "1",
  description: "MARK: question, A: answer",
  options: z.strictObject({ mark: z.string().default("Q").describe("stands before a question") }),
  create: ({ mark }) => {
    const question = (text) => mark + ": " + text + " A: ";
    return {
      name: "mine",
      stopWords: [],
      replaceEos: false,
      defaultSystem: "",
      encodeTurns: (tokenizer, { messages: [user, answer] }) => [{
        source: tokenizer.encode(question(user.content)),
        target: [...tokenizer.encode(answer.content), tokenizer.eosId],
      }],
      encodePrompt: (tokenizer, { messages }) => tokenizer.encode(question(messages.at(-1).content)),
    };
  },
});

const family = definePlugin({
  kind: "model",
  name: "qwen_of_mine",
  version: "1",
  description: "Qwen2 under another name",
  options: z.strictObject({}),
  create: (_options, { registry }) => {
    const qwen2 = registry.create("model", "qwen2");
    return {
      modelType: "qwen_of_mine",
      parse: (config, file) => qwen2.parse({ ...config, model_type: "qwen2" }, file),
    };
  },
});

export default [template, family];
`;

function run(task: TaskName, ...args: string[]): Promise<DenoEnd> {
  return runDeno(taskWords(task, ...args));
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
  try {
    await Deno.mkdir(join(folder, "model"));
    for (const { name } of Deno.readDirSync(MODEL)) {
      await Deno.copyFile(join(MODEL, name), join(folder, "model", name));
    }
    const config = JSON.parse(await Deno.readTextFile(join(MODEL, "config.json")));
    await write("model/config.json", JSON.stringify({ ...config, model_type: "qwen_of_mine" }));
    await write("mine.ts", PLUGINS);
    await write("dataset_info.json", JSON.stringify({ rows: { file_name: "rows.json" } }));
    const rows = ["red", "blue", "green", "white"].map((c) => ({ instruction: `a ${c} thing`, output: c }));
    await write("rows.json", JSON.stringify(rows));
    await write(
      "train.yaml",
      `model_name_or_path: ${folder}/model
output_dir: ${folder}/adapter
dataset_dir: ${folder}
dataset: rows
do_train: true
stage: sft
plugins: [./mine.ts]
template: mine
template_options: { mark: F }
max_steps: 2
backend: onnx
`,
    );
    await write("items.jsonl", '{"id":"a","prompt":"a red thing","constraints":["a colour"]}\n');
    await write("verdicts.jsonl", '{"id":"a","scores":[1]}\n');
    await write(
      "eval.yaml",
      `evaluator:
  type: rows
  dataset: {args: {url: items.jsonl}}
  plugins: [./mine.ts]
  model:
    type: local
    args: {model: model, adapter: adapter, template: mine, template_options: {mark: F}, backend: onnx}
    run_args: {max_tokens: 4}
  judge: {type: recorded, args: {path: verdicts.jsonl}}
  out_dir: ${folder}/out
  cache: false
`,
    );
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a template and a model family of one's own work in preview, train and eval with a local endpoint", () =>
  withFolder(async (folder) => {
    const tokenizer = loadTokenizerSync(join(folder, "model"));
    const prompt = tokenizer.encode("F: a red thing A: ");

    const shown = await run("preview", join(folder, "train.yaml"), "--json", "disable_shuffling=true");
    assertEquals(shown.code, 0, shown.all);
    const [first] = shown.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(first.sequences[0].input_ids.slice(0, prompt.length), prompt);

    const train = await run("train", join(folder, "train.yaml"));
    assertEquals(train.code, 0, train.all);
    const runYaml = await Deno.readTextFile(join(folder, "adapter/run.yaml"));
    for (const name of ["mine", "qwen_of_mine"]) assertStringIncludes(runYaml, `name: ${name}\n`);

    const evaluated = await run("eval", join(folder, "eval.yaml"));
    assertEquals(evaluated.code, 0, evaluated.all);
    const items = (await Deno.readTextFile(join(folder, "out/items.jsonl"))).trim().split("\n");
    const answer = items.map((line) => JSON.parse(line)).find(({ stage }) => stage === "generate");
    assertEquals(answer.completion.promptTokens, prompt.length, JSON.stringify(answer));
    assert(answer.completion.completionTokens > 0);
  }));

Deno.test("faults of a user's template are reported with the place of the key that has them", () =>
  withFolder(async (folder) => {
    const quietly = { limit: 1, say: () => {}, note: () => {} };
    const trainYaml = join(folder, "train.yaml"), evalYaml = join(folder, "eval.yaml");
    const swap = async (file: string, from: string, to: string) => {
      const text = await Deno.readTextFile(file);
      assert(text.includes(from));
      await Deno.writeTextFile(file, text.replace(from, to));
    };
    await swap(trainYaml, "mark: F", "marc: F");
    await swap(evalYaml, "mark: F", "marc: F");
    const previewed = await taskHere(() => preview(trainYaml, [], quietly));
    assertStringIncludes(previewed.out, `${trainYaml}:9:1: Cannot make template/mine`);
    assertStringIncludes(previewed.out, 'unknown option marc - did you mean "mark"?');
    const evaluated = await taskHere(() => evalTask([evalYaml, "--dry-run"]));
    assertStringIncludes(evaluated.out, `${evalYaml}:7:`);
    assertStringIncludes(evaluated.out, 'unknown option marc - did you mean "mark"?');

    await swap(evalYaml, "template: mine", "template: nime");
    const named = await taskHere(() => evalTask([evalYaml, "--dry-run"]));
    assertStringIncludes(named.out, 'Cannot find the template plugin "nime" - did you mean "mine"?');

    await swap(trainYaml, "{ marc: F }", "{}");
    const other = await taskHere(() => preview(trainYaml, ["enable_thinking=false"], quietly));
    assertStringIncludes(
      other.out,
      "the argument enable_thinking=false: Cannot set enable_thinking of the template mine as it has no such option (it has mark)",
    );
  }));
