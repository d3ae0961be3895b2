import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";

import type { ExampleShape } from "../../../../plugins/kinds/dataset.ts";
import { datasets } from "../../../../plugins/datasets/mod.ts";
import { Registry } from "../../../../plugins/registry.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { resolveAttributes } from "./attributes.ts";
import { detectFormat } from "./detect_format.ts";
import { readDatasetInfo } from "./info.ts";
import { otherToolsHint } from "./other_tools.ts";
import { RowTally } from "../report/report.ts";
import { DataSet } from "../sets/sets.ts";

const SWIFT = { query: "q", response: "a", history: [], system: "s" };
const ALL_SWIFT = '"prompt": "query", "response": "response", "history": "history", "system": "system"';
const message = { role: "user", content: "q" };

/** Records, the shape asked for, the formattings under which an entry may name them, and the way out. */
const CASES: [Record<string, unknown>, ExampleShape, string[], string][] = [
  [{ segments: [] }, "single", ["alpaca", "sharegpt", "openai", "trl"], "axolotl's input_output"],
  [SWIFT, "single", ["alpaca", "sharegpt", "trl"], `ms-swift's fields: .*${ALL_SWIFT}`],
  [
    { ...SWIFT, rejected_response: "b" },
    "pair",
    ["alpaca", "openai"],
    'ms-swift.*"ranking": true.*"prompt": "query", "chosen": "response", "rejected": "rejected_response"',
  ],
  [{ messages: [message], rejected_response: "b" }, "pair", ["openai", "alpaca"], "ms-swift's preference"],
  [{ question: "q", chosen: "a", rejected: "b" }, "pair", ["alpaca"], '"prompt": "question", "chosen"'],
  [{ input: {}, preferred_output: [], non_preferred_output: [] }, "pair", ["openai"], "OpenAI's preference"],
  [{ question: "q", answer: "a" }, "single", ["alpaca"], '"prompt": "question", "response": "answer"'],
  [{ query: "q", response: "a", label: true }, "kto", ["alpaca"], '"kto_tag": "label"'],
];

Deno.test("an entry of another formatting than the file's names the file's", () => {
  for (
    const [fields, shape, expected] of [
      ["messages", "single", /^Write "formatting": "openai", "columns": \{"messages": "messages"\} into/],
      [
        "messages label",
        "kto",
        /^Write "formatting": "openai", "columns": \{"messages": "messages", "kto_tag": "label"\}/,
      ],
      [
        "conversation",
        "single",
        /^Write "formatting": "sharegpt", "columns": \{"messages": "conversation"\} into/,
      ],
      ["conversations chosen rejected", "pair", /^Write "formatting": "sharegpt", "ranking": true, /],
      ["chosen rejected", "pair", /^Write "formatting": "trl", "ranking": true into/],
      [
        "instruction context response",
        "single",
        /"prompt": "instruction", "response": "response", "query": "context"/,
      ],
      ["messages", "pair", /^$/],
      ["title", "single", /^$/],
    ] as const
  ) assertMatch(otherToolsHint(fields.split(" "), shape), expected, fields);
});

Deno.test("rows of axolotl and ms-swift are refused by name with the way out, by path and by entry", async () => {
  const registry = new Registry(datasets);
  for (const [record, shape, formattings, expected] of CASES) {
    const file = `${temporaryFolder()}/rows.jsonl`;
    Deno.writeTextFileSync(file, JSON.stringify(record));
    for (const formatting of formattings) {
      const entry = {
        ...{ name: "d", place: "info.json:1:1", formatting, ranking: shape === "pair", paths: [file] },
        ...{ numSamples: null, columns: null, tags: null, options: {}, notes: [] },
      };
      const { message } = assertThrows(
        () => resolveAttributes(entry, registry.create("dataset", formatting), shape, Object.keys(record)),
        RangeError,
      );
      assertMatch(message, new RegExp(`Cannot .* data set "d" at info.json:1:1 .*${expected}`));
    }
    if ("messages" in record) continue; // its format is seen, what it lacks is told as for an entry
    const { message } = await assertRejects(() => detectFormat([file], shape), RangeError);
    assertMatch(message, new RegExp(`Cannot tell the format of .*${expected}`));
  }
});

Deno.test("otherToolsHint() gives an entry that the format takes", () => {
  const hint = otherToolsHint([...Object.keys(SWIFT), "rejected_response"], "pair");
  const { columns } = JSON.parse(`{${hint.replace(/^.*?write /, "").replace(/ into its entry.*/, "")}}`);
  const record = { ...SWIFT, history: [["h", "i"]], rejected_response: "b" };
  const entry = {
    ...{ name: "d", place: "p", formatting: "alpaca", ranking: true, paths: [], numSamples: null },
    ...{ columns, tags: null, options: {}, notes: [] },
  };
  const dataset = new Registry(datasets).create("dataset", "alpaca");
  const { attributes } = resolveAttributes(entry, dataset, "pair", Object.keys(record));
  const got = JSON.stringify(dataset.convert(record, attributes, { file: "f", row: 0 }));
  assertMatch(got, /"system":"s".*"content":"h".*"content":"i".*"chosen":.*"a".*"rejected":.*"b"/);
});

Deno.test("a file whose fields no format knows is refused with an entry that reads it, the fields' names put in", async () => {
  const record = { f0: "a", f1: "b", f2: "c", f3: "d" };
  const registry = new Registry(datasets);
  for (const shape of ["text", "single", "pair", "kto", "iopo"] as const) {
    const folder = temporaryFolder(), file = `${folder}/own.jsonl`;
    Deno.writeTextFileSync(file, JSON.stringify({ ...record, ...(shape === "kto" && { f2: true }) }));
    const { message } = await assertRejects(() => detectFormat([file], shape), RangeError);
    const said =
      /its first record has f0, f1, f2, f3\. Write (\S+) with (\{.*\}), its fields' names .*dataset: own and dataset_dir: (\S+) /
        .exec(message);
    assertEquals([said?.[1], said?.[3]], [`${folder}/dataset_info.json`, folder], message);
    let field = 0;
    Deno.writeTextFileSync(
      `${folder}/dataset_info.json`,
      said![2]!.replaceAll("<field>", () => `f${field++}`),
    );
    const set = await DataSet.open(readDatasetInfo(folder), "own", { shape, registry });
    const tally = new RowTally(false), rows = [];
    for await (const batch of set.rows(tally, () => {})) rows.push(...batch);
    assertEquals(rows.map(({ example }) => example?.shape), [shape]);
  }
});
