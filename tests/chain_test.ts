/** A tuned model taken all the way: trained, merged, served, asked by OpenAI's client, evaluated by both endpoints. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import OpenAI from "openai";

import { createProgress } from "../tasks/train/outputs/mod.ts";
import { evaluateFile } from "../tasks/eval.ts";
import { exportModel } from "../tasks/export.ts";
import { train } from "../tasks/train.ts";
import { startServed } from "./helpers/served.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const root = new URL("../", import.meta.url).pathname;
const MODEL = join(root, "fixtures/constraints/model");
const folder = temporaryFolder();
const quiet = { say: () => {}, progress: createProgress({ disabled: true }) };

/** Items that are answered, and tokens of an answer. */
const ITEMS = 6, TOKENS = 40;

/** Answers by item of an evaluation, and the prompts. */
async function answersOf(name: string, endpoint: Record<string, unknown>): Promise<Map<string, string>> {
  const out_dir = join(folder, name), file = join(folder, `${name}.json`);
  const model = { ...endpoint, run_args: { temperature: 0, max_tokens: TOKENS } };
  const evaluator = { type: "constraints", model, out_dir, max_samples: ITEMS, cache: false, resamples: 100 };
  Deno.writeTextFileSync(file, JSON.stringify({ evaluator }));
  const done = await evaluateFile(file, [], quiet);
  assert(done.complete, name);
  const lines = Deno.readTextFileSync(join(out_dir, "items.jsonl")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  return new Map(
    lines.filter(({ stage }) => stage === "generate").map(({ id, completion }) => [id, completion.text]),
  );
}

Deno.test("train, export, serve, OpenAI's client, eval by openai and local: the same greedy answers", async () => {
  const tuned = join(folder, "tuned"), merged = join(folder, "merged"), said: string[] = [];
  await train(join(root, "examples/default_iopo.yaml"), [
    `output_dir=${tuned}`,
    "max_samples=48",
    "max_steps=3",
    "learning_rate=0.01",
    "eval_strategy=no",
    "val_size=0",
    "plot_loss=false",
  ], { ...quiet, say: (line: string) => said.push(line) });
  // `eval` alone takes the folder of a training that names none
  const next = said.join("\n");
  assert(next.includes(` eval model.args.adapter=${tuned} model.args.name=tuned out_dir=`), next);
  await exportModel(undefined, [
    `model_name_or_path=${MODEL}`,
    `adapter_name_or_path=${tuned}`,
    `export_dir=${merged}`,
    "export_dtype=float32",
  ], quiet);

  const args = { backend: "onnx" };
  const base = await answersOf("base", { type: "local", args: { ...args, model: MODEL } });
  const local = await answersOf("local", { type: "local", args: { ...args, model: MODEL, adapter: tuned } });
  assertEquals(local.size, ITEMS);
  assertEquals(
    await answersOf("whole", { type: "local", args: { ...args, model: merged } }),
    local,
    "merged, local",
  );
  assert([...local].some(([id, text]) => base.get(id) !== text), "training changes answers");

  await using beside = await startServed([
    MODEL,
    "--backend",
    "onnx",
    "--adapter",
    `tuned=${tuned}`,
    "--quiet",
  ]);
  await using alone = await startServed([merged, "--name", "tuned", "--backend", "onnx", "--quiet"]);
  for (const [name, { base }] of Object.entries({ beside, alone })) {
    const endpoint = { type: "openai", args: { name: "tuned", api_base: `${base}/v1`, key: "none" } };
    assertEquals(await answersOf(name, endpoint), local, name);
  }
  const rows = Deno.readTextFileSync(join(root, "fixtures/constraints/data/heldout.jsonl")).trim().split("\n")
    .slice(0, ITEMS)
    .map((line) => JSON.parse(line));
  const client = new OpenAI({ baseURL: `${alone.base}/v1`, apiKey: "none" });
  const answers = await Promise.all(rows.map(async ({ id, messages }) => {
    const reply = await client.chat.completions.create({
      model: "tuned",
      messages,
      temperature: 0,
      max_tokens: TOKENS,
    });
    return [id, reply.choices[0]?.message.content] as const;
  }));
  assertEquals(new Map(answers), local as Map<string, string | null | undefined>);
});
