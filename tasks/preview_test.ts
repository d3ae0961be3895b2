import { assert, assertEquals, assertMatch } from "@std/assert";

import { loadTokenizerSync } from "../formats/tokenizer/mod.ts";
import { runDeno } from "../tests/helpers/deno_process.ts";
import type { EncodedExample } from "./train/data/mod.ts";
import { exampleJson, exampleTable, inTrainingOrder, preview } from "./preview.ts";
import { shared } from "../tests/helpers/shared_data.ts";

const tokenizer = loadTokenizerSync(
  new URL("../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname,
);

function example(index: number, sequences: [string, string, string][]): EncodedExample {
  return {
    index,
    source: { file: "d.json", row: index },
    sequences: sequences.map(([name, prompt, answer]) => {
      const [source, target] = [tokenizer.encode(prompt), tokenizer.encode(answer)];
      return {
        name,
        input_ids: Int32Array.from([...source, ...target]),
        labels: Int32Array.from([...source.map(() => -100), ...target]),
      };
    }),
  };
}

Deno.test("exampleTable shows the prefix tree by hand: shared prompt once, each answer with its own lines", () => {
  const lines = exampleTable(example(3, [["chosen", "ab", "cd"], ["rejected", "ab", "e"]]), tokenizer).split(
    "\n",
  );
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((text) => tokenizer.encode(text)[0]);
  assertEquals(lines[0], "example 3: d.json, row 3 (chosen 4 tokens, 2 learnt; rejected 3 tokens, 1 learnt)");
  // d and e are learnt and lead to nothing more, so they have no line of their own
  assertEquals(lines.slice(2).map((line) => line.trim().replaceAll(/ +/g, " ")), [
    `0 0 3 ${a} "a"`,
    `1 1 3 ${b} "b" ${c} "c" (chosen), ${e} "e" (rejected)`,
    `2 2 3 ${c} "c" ${d} "d" (chosen)`,
  ]);
});

Deno.test("exampleTable shows where values are read: at each answer's last token, which has its line", () => {
  const { sequences, ...rest } = example(3, [["chosen", "ab", "cd"], ["rejected", "ab", "c"]]);
  const valued = { ...rest, sequences: sequences.map((s) => ({ ...s, measure: "value" as const })) };
  const lines = exampleTable(valued, tokenizer).split("\n");
  const [a, b, c, d] = ["a", "b", "c", "d"].map((text) => tokenizer.encode(text)[0]);
  assertEquals(
    lines[0],
    "example 3: d.json, row 3 (chosen 4 tokens, its value; rejected 3 tokens, its value)",
  );
  assertEquals(lines.slice(2).map((line) => line.trim().replaceAll(/ +/g, " ")), [
    `0 0 4 ${a} "a"`,
    `1 1 4 ${b} "b"`,
    `2 2 4 ${c} "c" value (rejected)`,
    `3 3 4 ${d} "d" value (chosen)`,
  ]);
});

Deno.test("a row whose answers are drawn is shown as its prompt and what they are judged by, nothing as learnt", () => {
  const task = JSON.stringify({
    id: "7",
    constraints: [{ text: "lower", rule: { id: "case:lower", kwargs: {} } }, { text: "be kind" }],
  });
  const drawn = { ...example(3, [["y", "ab", "cd"]]), task }, [a, b] = tokenizer.encode("ab");
  const lines = exampleTable(drawn, tokenizer).split("\n");
  assertEquals(lines.slice(0, 3), [
    "example 3: d.json, row 3 (prompt of 2 tokens, whose answers are drawn)",
    'judged by "lower" (case:lower)',
    'judged by "be kind"',
  ]);
  assertEquals(lines.slice(4).map((line) => line.trim().replaceAll(/ +/g, " ")), [
    `0 ${a} "a"`,
    `1 ${b} "b"`,
  ]);
  assertEquals(JSON.parse(exampleJson(drawn)), {
    index: 3,
    task: JSON.parse(task),
    sequences: [{ name: "y", input_ids: [a, b], labels: [-100, -100] }],
  });
});

Deno.test("preview of stage grpo counts prompts, and says that answers are drawn", async () => {
  const said: string[] = [];
  const path = new URL("../examples/default_grpo.yaml", import.meta.url).pathname;
  await preview(path, ["max_samples=3"], { limit: 1, say: (text) => said.push(text), note: () => {} });
  const [counts = "", shown = ""] = said;
  assertMatch(counts.replaceAll(/\s+/g, " "), /3 sequences of \d+ to \d+ tokens.* tokens, answers are drawn/);
  assertMatch(shown, /\(prompt of \d+ tokens, whose answers are drawn\)\njudged by /);
  assert(!`${counts}${shown}`.includes("learnt"));
});

Deno.test("exampleJson has index and sequences as plain lists", () => {
  const [a, b] = ["a", "b"].map((text) => tokenizer.encode(text)[0]!);
  assertEquals(JSON.parse(exampleJson(example(1, [["y", "a", "b"]]))), {
    index: 1,
    sequences: [{ name: "y", input_ids: [a, b], labels: [-100, b] }],
  });
});

Deno.test("inTrainingOrder follows the golden order of the Hugging Face Trainer, bins and switches", () => {
  const train = Array.from({ length: 10 }, (_, i) => example(i, [["y", "a", "b"]]));
  const order = (
    over: Partial<Parameters<typeof inTrainingOrder>[0] & Parameters<typeof inTrainingOrder>[1]>,
    epoch = 0,
  ) => {
    const all = {
      train,
      trainBins: null,
      shuffle: true,
      data_seed: 42,
      disable_shuffling: false,
      ...over,
    };
    return inTrainingOrder(all, all, epoch).map((e) => e.index);
  };
  // fixtures/goldens/datasets/datasets.json, train_order
  assertEquals(order({}), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
  assertEquals(order({}, 1), [8, 4, 9, 0, 5, 1, 6, 7, 2, 3]);
  assertEquals(order({ data_seed: 7 }), [5, 0, 3, 4, 1, 7, 9, 6, 8, 2]);
  for (const over of [{ disable_shuffling: true }, { shuffle: false }]) {
    assertEquals(order(over), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assertEquals(order({ trainBins: [[3, 1], [2]], shuffle: false }), [3, 1, 2]);
});

Deno.test("the command refuses a limit that is no number, and shows its help", async () => {
  const run = (...args: string[]) => runDeno(["run", "-A", "--no-check", "tasks/preview.ts", ...args]);
  const bad = await run("--limit", "x");
  assertEquals(bad.code, 1);
  assert(bad.stderr.includes("Cannot read --limit as a whole number >= 0: current value is x"), bad.stderr);
  const help = await run("--help");
  assertEquals(help.code, 0);
  assert(help.stdout.includes("--limit N"), help.stdout);
});

const { path: runs, ignore, why } = shared("goldens/llamafactory");

Deno.test(
  `preview of LLaMA-Factory's own YAML file: all training rows as JSON, the first one as it printed it${why}`,
  { ignore },
  async () => {
    const lines: string[] = [];
    const overrides = [`model_name_or_path=${runs}/model`, `dataset_dir=${runs}/data`];
    await preview(`${runs}/runs/dpo/config.yaml`, overrides, {
      json: true,
      say: (line) => lines.push(line),
      note: () => {},
    });
    const rows = lines.map((line) => JSON.parse(line));
    assertEquals(
      rows.map((row) => row.index).toSorted((a, b) => a - b),
      Array.from({ length: 24 }, (_, i) => i),
    );
    const printed = Deno.readTextFileSync(`${runs}/runs/dpo/stdout.txt`);
    const first = rows.find((row) => row.index === 0);
    for (const [i, name] of ["chosen", "rejected"].entries()) {
      const ids = JSON.parse(new RegExp(`${name}_input_ids:\\n(\\[.*?\\])`).exec(printed)![1]!);
      const labels = JSON.parse(new RegExp(`${name}_label_ids:\\n(\\[.*?\\])`).exec(printed)![1]!);
      assertEquals(first.sequences[i], { name, input_ids: ids, labels });
    }
  },
);
