/** The board over HTTP: a run's data token by token. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { makeRun } from "./_made_runs.ts";
import { beginBoard } from "./_begun_board.ts";

Deno.test("a run's data token by token: what is learnt, what is only read, what was cut off", async () => {
  const folder = temporaryFolder();
  const many = Array.from({ length: 60 }, (_, i) => `line ${i}`).join(" ");
  const rows = [
    { instruction: "Write about the river.", output: "Now the river has a kite." },
    { instruction: "Count.", output: many },
  ];
  await Deno.writeTextFile(join(folder, "rows.json"), JSON.stringify(rows));
  await Deno.writeTextFile(
    join(folder, "dataset_info.json"),
    JSON.stringify({ d: { file_name: "rows.json" } }),
  );
  makeRun(join(folder, "a"), 1);
  const config = {
    model_name_or_path: new URL("../../fixtures/constraints/model", import.meta.url).pathname,
    stage: "sft",
    do_train: true,
    dataset: "d",
    dataset_dir: folder,
    template: "chatml",
    cutoff_len: 64,
    output_dir: join(folder, "a"),
  };
  await Deno.writeTextFile(join(folder, "a/run.yaml"), JSON.stringify(config));
  await using board = await beginBoard([folder]);
  const reply = await fetch(`${board.address}api/tokens?run=0:a`);
  const { data, examples, error } = await reply.json();
  assertEquals([reply.status, error], [200, undefined]);
  assertStringIncludes(data, "2 ");
  type Token = [text: string, use: number];
  const tokensOf = (row: number): Token[] =>
    examples.find((one: { row: number }) => one.row === row).sequences[0].tokens;
  const text = (tokens: Token[], ...uses: number[]) =>
    tokens.filter(([, use]) => uses.includes(use)).map(([text]) => text).join("");
  const prompt = (question: string) => `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
  const first = tokensOf(0), second = tokensOf(1);
  assertEquals([text(first, 0), text(first, 1), text(first, -1)], [
    prompt("Write about the river."),
    "Now the river has a kite.<|im_end|>\n",
    "",
  ]);
  // the prompt is short, so the answer alone loses its end
  assertEquals(text(second, 0), prompt("Count."));
  assertEquals(text(second, 1, -1), `${many}<|im_end|>\n`);
  assertEquals(second.filter(([, use]) => use !== -1).length, config.cutoff_len);
  assertEquals(second.findIndex(([, use]) => use === -1), config.cutoff_len);
});

Deno.test("a run whose answers are drawn has its prompts token by token, of which nothing is learnt", async () => {
  const folder = temporaryFolder();
  const rules = [{ text: "lower", rule: { id: "case:lower", kwargs: {} } }];
  const rows = ["Name fruits.", `Count. ${"one ".repeat(80)}`].map((prompt) => ({
    prompt,
    constraints: rules,
  }));
  await Deno.writeTextFile(join(folder, "rows.json"), JSON.stringify(rows));
  const entry = { file_name: "rows.json", formatting: "rows" };
  await Deno.writeTextFile(join(folder, "dataset_info.json"), JSON.stringify({ d: entry }));
  makeRun(join(folder, "a"), 1);
  const config = {
    model_name_or_path: new URL("../../fixtures/constraints/model", import.meta.url).pathname,
    stage: "grpo",
    do_train: true,
    per_device_train_batch_size: 8,
    dataset: "d",
    dataset_dir: folder,
    template: "chatml",
    cutoff_len: 64,
    output_dir: join(folder, "a"),
  };
  await Deno.writeTextFile(join(folder, "a/run.yaml"), JSON.stringify(config));
  await using board = await beginBoard([folder]);
  const { data, examples } = await (await fetch(`${board.address}api/tokens?run=0:a`)).json();
  assertStringIncludes(data, "longer than cutoff_len");
  assertStringIncludes(data, "answers are drawn");
  const [{ sequences: [{ tokens }] }, ...others] = examples;
  assertEquals(others, []);
  assertEquals(
    tokens.map(([text]: [string]) => text).join(""),
    "<|im_start|>user\nName fruits.<|im_end|>\n<|im_start|>assistant\n",
  );
  assertEquals(new Set(tokens.map(([, use]: [string, number]) => use)), new Set([0]));
});
