import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { readCache } from "./cache.ts";
import { damagesOf } from "../../../tests/helpers/damages.ts";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { datasets } from "../../../plugins/datasets/mod.ts";
import { losses } from "../../../plugins/losses/mod.ts";
import { Registry } from "../../../plugins/registry.ts";
import { templates } from "../../../plugins/templates/mod.ts";
import { prepareTokenizer } from "../../../plugins/kinds/prepare_tokenizer.ts";
import { COMMIT, FakeHub } from "../../../tests/helpers/fake_hub.ts";
import { datasetGolden } from "../../../tests/helpers/dataset_goldens.ts";
import type { EncodedExample } from "../../../kernels/engine/encoded.ts";
import { dataText } from "../data_text.ts";
import { cacheKey } from "./cache.ts";
import { readDatasetInfo } from "./info.ts";
import { DataSet } from "./sets.ts";
import { type LoadedExamples, loadExamples } from "./load.ts";
import { type DataOptions, type LoadInputs } from "./load_inputs.ts";
import { describeDrop, RowTally } from "./report.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { shared } from "../../../tests/helpers/shared_data.ts";

const GOLDENS = shared("goldens/llamafactory"), TRACE = shared("data/trace");

const raw = loadTokenizerSync(
  new URL("../../../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname,
);
const registry = new Registry();
// deno-lint-ignore no-explicit-any -- plugins of three kinds in one list
for (const plugin of [...datasets, ...losses, ...templates] as any[]) registry.define(plugin, "built-in");

const OPTIONS: DataOptions = {
  ...{
    dataset: ["d"],
    eval_dataset: [],
    dataset_dir: "",
    cutoff_len: 2048,
    train_on_prompt: false,
    mask_history: false,
  },
  ...{
    streaming: false,
    buffer_size: 16384,
    mix_strategy: "concat",
    interleave_probs: null,
    overwrite_cache: false,
  },
  ...{ max_samples: null, max_steps: -1, per_device_train_batch_size: 1 },
  ...{
    gradient_accumulation_steps: 1,
    val_size: 0,
    packing: false,
    neat_packing: false,
    truncation: "llama_factory",
  },
  ...{ data_cache_dir: null, seed: 42 },
};

type Files = Record<string, unknown>;

/** Writes files (texts as they are, others as JSON) and loads from there. */
function inputs(files: Files, over: Partial<DataOptions> = {}, loss = "sft", template = "qwen"): LoadInputs {
  const dataset_dir = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    Deno.writeTextFileSync(
      join(dataset_dir, name),
      typeof content === "string" ? content : JSON.stringify(content),
    );
  }
  const made = registry.create("template", template);
  return {
    options: { ...OPTIONS, dataset_dir, data_cache_dir: join(dataset_dir, "cache"), ...over },
    registry,
    template: made,
    tokenizer: prepareTokenizer(made, raw).tokenizer,
    loss: registry.create("loss", loss),
  };
}
const load = (...args: Parameters<typeof inputs>) => loadExamples(inputs(...args));
const info = (entry: Record<string, unknown> = {}) => ({ d: { file_name: "d.json", ...entry } });
const rows = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ instruction: `q${from + i}`, input: "", output: `a${from + i}` }));
const answers = (list: EncodedExample[], sequence = 0) =>
  list.map((e) => {
    const labels = Array.from(e.sequences[sequence]!.labels).filter((l) => l !== -100);
    return raw.decode(labels, { skipSpecial: true }).trim();
  });

Deno.test("val_size splits as LLaMA-Factory does (golden), and rows keep their place", async () => {
  const { val_split } = datasetGolden("datasets.json");
  for (const { n, val_size, train, validation } of val_split.slice(0, 7)) {
    const got = await load({ "dataset_info.json": info(), "d.json": rows(n) }, { val_size });
    assertEquals(got.train.map((e) => e.source.row), train);
    assertEquals(got.evaluation.map((e) => e.source.row), validation);
    assertEquals(answers(got.evaluation), validation.map((i: number) => `a${i}`));
    assertEquals(got.train.map((e) => e.index), train.map((_: number, i: number) => i));
    assertEquals([got.shuffle, got.report.rows], [true, n]);
  }
});

Deno.test(
  `the toy data of LLaMA-Factory's runs give the first training example that it printed${GOLDENS.why}`,
  {
    ignore: GOLDENS.ignore,
  },
  async () => {
    const root = GOLDENS.path;
    for (const [run, loss, prefix] of [["sft", "sft", ""], ["dpo", "dpo", "chosen_"]] as const) {
      const over = { dataset: [`toy_${run}`], dataset_dir: join(root, "data"), val_size: 6, cutoff_len: 512 };
      const got = await load({}, over, loss);
      const printed = Deno.readTextFileSync(join(root, "runs", run, "stdout.txt"));
      const ids = JSON.parse(new RegExp(`${prefix}input_ids:\\n(\\[.*?\\])`).exec(printed)![1]!);
      const labels = JSON.parse(new RegExp(`${prefix}label_ids:\\n(\\[.*?\\])`).exec(printed)![1]!);
      assertEquals(Array.from(got.train[0]!.sequences[0]!.input_ids), ids);
      assertEquals(Array.from(got.train[0]!.sequences[0]!.labels), labels);
      assertEquals([got.train.length, got.evaluation.length], [24, 6]);
    }
  },
);

Deno.test("num_samples draws LLaMA-Factory's rows (golden); max_samples takes the first ones", async () => {
  const c = datasetGolden("datasets.json").cases.find((x: { name: string }) =>
    x.name === "num_samples_more_than_rows"
  );
  const got = await load({ "dataset_info.json": info({ num_samples: 4 }), "d.json": c.rows });
  // deno-lint-ignore no-explicit-any -- golden
  assertEquals(answers(got.train), c.aligned.map((row: any) => row._response[0].content));
  const some = await load({ "dataset_info.json": info({ num_samples: 2 }), "d.json": rows(5) });
  assertEquals([some.train.length, some.report.rows], [2, 2]);
  const first = await load({ "dataset_info.json": info(), "d.json": rows(600) }, { max_samples: 300 });
  assertEquals(first.train.map((e) => e.source.row), Array.from({ length: 300 }, (_, i) => i));
});

Deno.test("several sets: concatenated, interleaved, evaluation sets apart", async () => {
  const files = {
    "dataset_info.json": {
      a: { file_name: "a.json" },
      b: { file_name: "b.jsonl" },
      e: { file_name: "e.csv" },
    },
    "a.json": rows(2),
    "b.jsonl": rows(3, 10).map((r) => JSON.stringify(r)).join("\n"),
    "e.csv": "instruction,input,output\nq,,a20\n",
  };
  const both = { dataset: ["a", "b"], eval_dataset: ["e"] };
  const one = await load(files, both);
  assertEquals(answers(one.train), ["a0", "a1", "a10", "a11", "a12"]);
  assertEquals(answers(one.evaluation), ["a20"]);
  const two = await load(files, { ...both, mix_strategy: "interleave_over" });
  assertEquals(answers(two.train), ["a0", "a10", "a1", "a11", "a0", "a12"]);
});

Deno.test("dropped rows are counted by reason, with the first one; above 1 % there is a warning", async () => {
  const bad = [{ instruction: "q" }, { instruction: "q", output: 3 }, { instruction: "q", output: 4 }, 5];
  const got = await load({ "dataset_info.json": info(), "d.json": [...rows(3), ...bad] });
  assertEquals(got.train.length, 3);
  const [most, ...others] = got.report.dropped;
  assertEquals([most!.reason, most!.count, most!.first.row, most!.first.value], [
    "response is not text",
    2,
    4,
    "3",
  ]);
  assertEquals(others.map((d) => d.reason), ["response is missing", "record is not an object"]);
  assertEquals(
    describeDrop(others[0]!).replace(/ of \/.*?,/, " of FILE,"),
    "response is missing: 1 row, the first is row 3, line 1 of FILE, output = nothing",
  );
  assert(got.report.warnings[0]!.includes("4 of 7 rows (57.1 %) are not used"), got.report.warnings[0]);
  const [, , noObject] = dataText(got.report).split("\n").filter((line) => line.startsWith("  dropped"));
  assertMatch(noObject!, /^ {2}dropped {4}1: record is not an object \(first: \S+, row \d( \(line \d\))?: /);
});

Deno.test("dataText() counts one of a thing as one", async () => {
  const { report } = await load({
    "dataset_info.json": info(),
    "d.json": [{ instruction: "q", output: "a" }],
  });
  const text = dataText(report);
  assertMatch(text, /^data {9}1 row: 1 example to train on, 0 to evaluate on\n {2}\S+ +1 sequence of /);
});

Deno.test("no usable row is an error that says why for each reason", async () => {
  const error = await assertRejects(
    () =>
      load({
        "dataset_info.json": info(),
        "d.json": [{ instruction: "q", output: null }, { instruction: 1, output: "a" }],
      }),
    RangeError,
    'Cannot train on data set "d" as none of its 2 rows can be used:',
  );
  assert(error.message.includes("response is missing: 1 row, the first is row 0, line 1 of "), error.message);
  assert(error.message.includes("instruction = 1"), error.message);
  await assertRejects(
    () => load({ "dataset_info.json": info(), "d.json": [] }),
    RangeError,
    "it has no rows: current value is a file without any",
  );
  await assertRejects(
    () => load({ "dataset_info.json": {}, "d.json": rows(3) }),
    RangeError,
    "known are none",
  );
  const given = inputs({ "dataset_info.json": info(), "d.json": rows(3) }, { val_size: 3 });
  await assertRejects(
    () => loadExamples({ ...given, placeOf: (key) => `t.yaml, ${key}` }),
    RangeError,
    "t.yaml, val_size: Cannot hold out rows for evaluation as val_size needs at least one training row left",
  );
  await assertRejects(
    () => load({ "dataset_info.json": info(), "d.json": rows(3) }, { cutoff_len: 1 }),
    RangeError,
    "cut to cutoff_len, no answer token is left: 3 rows",
  );
});

Deno.test("rows that are cut are counted, with a warning that names the lost header", async () => {
  const long = rows(3).map((r) => ({ ...r, instruction: r.instruction + "x".repeat(400) }));
  const files = { "dataset_info.json": info(), "d.json": [...rows(3), ...long] };
  const got = await load(files, { cutoff_len: 150 });
  assertEquals(got.report.truncated, { rows: 3, prompt: 3, answer: 0, turns: 0 });
  assert(
    got.report.warnings.some((w) => w.includes("loses the assistant header")),
    got.report.warnings.join(),
  );
  assertEquals(got.report.lengths[0]!.max, 150);
  const kept = await load(files, { cutoff_len: 150, truncation: "keep_template" });
  assert(!kept.report.warnings.join().includes("header"));
});

Deno.test("kto pairs each prompt with the answer of the row before", async () => {
  const data = [true, false, true].map((label, i) => ({
    instruction: `q${i}`,
    input: "",
    output: `a${i}`,
    label,
  }));
  const columns = { prompt: "instruction", query: "input", response: "output", kto_tag: "label" };
  const got = await load({ "dataset_info.json": info({ columns }), "d.json": data }, {}, "kto");
  assertEquals(got.train.map((e) => e.desirable), [true, false, true]);
  assertEquals(got.train.map((e) => e.sequences.map((s) => s.name)), Array(3).fill(["y", "kl"]));
  assertEquals([answers(got.train), answers(got.train, 1)], [["a0", "a1", "a2"], ["a2", "a0", "a1"]]);
});

Deno.test("the IOPO authors' record gives four sequences under its own dataset_info.json", async () => {
  const turns = ["写标题1", "写标题2"].map((value) => ({ from: "human", value }));
  const record = {
    conversations: turns,
    chosen: { from: "gpt", value: "一" },
    rejected: { from: "gpt", value: "二" },
  };
  const columns = { messages: "conversations", chosen: "chosen", rejected: "rejected" };
  const entry = info({ ranking: true, formatting: "sharegpt", columns });
  const got = await load({ "dataset_info.json": entry, "d.json": [record] }, {}, "iopo");
  const [example] = got.train;
  assertEquals(example!.sequences.map((s) => s.name), Object.keys(registry.create("loss", "iopo").sequences));
  const text = Object.fromEntries(
    example!.sequences.map((s) => [s.name, raw.decode(Array.from(s.input_ids))]),
  );
  assert(text.x1y2!.includes("写标题1") && text.x1y2!.includes("assistant\n二"), text.x1y2);
  assert(text.x2y1!.includes("写标题2") && text.x2y1!.includes("assistant\n一"), text.x2y1);
});

Deno.test(`the IOPO authors' own files load unchanged${TRACE.why}`, {
  ignore: TRACE.ignore,
}, async () => {
  const read = (name: string) => Deno.readTextFileSync(`${TRACE.path}/${name}`);
  const files = {
    "dataset_info.json": read("dataset_info_example.json"),
    "trace.json": read("trace_iopo_example.json"),
  };
  const got = await load(files, { dataset: ["trace_iopo"], cutoff_len: 6000 }, "iopo");
  assertEquals([got.train.length, got.report.dropped, got.report.notes], [1, [], []]);
  const [record] = JSON.parse(files["trace.json"]);
  const text = Object.fromEntries(
    got.train[0]!.sequences.map((s) => [s.name, raw.decode(Array.from(s.input_ids))]),
  );
  // texts are not stripped: both prompts of the authors' record end in a line break
  const turn = (i: number) =>
    `<|im_start|>user\n${record.conversations[i].value}<|im_end|>\n<|im_start|>assistant\n`;
  for (
    const [name, i, answer] of [["x1y1", 0, "chosen"], ["x1y2", 0, "rejected"], [
      "x2y1",
      1,
      "chosen",
    ]] as const
  ) {
    assert(text[name]!.endsWith(`${turn(i)}${record[answer].value}<|im_end|>\n`), text[name]);
  }
});

Deno.test("stage pt: texts alone, or packed into blocks", async () => {
  const files = {
    "dataset_info.json": { d: { file_name: "d.txt", columns: { prompt: "text" } } },
    "d.txt": "abc\ndefg\nh\n",
  };
  const alone = await load(files, {}, "pt");
  assertEquals(alone.train.map((e) => e.sequences[0]!.input_ids.length), [4, 5, 2]);
  const packed = await load(files, { packing: true, cutoff_len: 4 }, "pt");
  assertEquals(
    packed.train.map((e) => raw.decode(Array.from(e.sequences[0]!.input_ids), { skipSpecial: true })),
    [
      "abc",
      "defg",
    ],
  );
  assertEquals(packed.train.map((e) => e.source.row), [0, 1]);
  assert(packed.report.notes.some((note) => note.startsWith("3 tokens of text")), packed.report.notes.join());
});

Deno.test("names, columns and files that don't exist are errors with file, line and the nearest name", async () => {
  const fails = (files: Files, includes: string, over: Partial<DataOptions> = {}) =>
    assertRejects(() => load(files, over), RangeError, includes);
  const text =
    '{\n  "toy_sft": {\n    "file_name": "d.json",\n    "columns": {"promt": "instruction"}\n  }\n}';
  await fails({ "dataset_info.json": text }, 'did you mean "toy_sft"?', { dataset: ["toy_sfx"] });
  await fails({ "dataset_info.json": text, "d.json": rows(1) }, 'Cannot use column "promt"', {
    dataset: ["toy_sft"],
  });
  await fails(
    { "dataset_info.json": text, "d.json": rows(1) },
    'dataset_info.json:2:3 - did you mean "prompt"?',
    {
      dataset: ["toy_sft"],
    },
  );
  await fails({
    "dataset_info.json": info({ columns: { prompt: "instructions", response: "output" } }),
    "d.json": rows(1),
  }, 'Cannot find column "instructions" (prompt)');
  await fails(
    { "dataset_info.json": info({ formatting: "alpacca" }), "d.json": rows(1) },
    'did you mean "alpaca"?',
  );
  // a field that does nothing may be why
  const format = { "dataset_info.json": info({ format: "openai" }), "d.json": [{ messages: [] }] };
  await fails(format, '"format" of data set "d" does nothing - did you mean "formatting"?');
  const empty = { "dataset_info.json": info({ rankin: true }), "d.json": [{ instruction: 1, output: "a" }] };
  await fails(empty, '"rankin" of data set "d" does nothing - did you mean "ranking"?');
  await fails({ "dataset_info.json": info({ ms_hub_url: "a/b" }) }, "Download it into");
  const badId = { "dataset_info.json": info({ hf_hub_url: "a b" }) };
  await assertRejects(() => load(badId), TypeError, "the id of a data set on the hub");
  await fails({ "dataset_info.json": info(), "e.json": rows(1) }, 'd.json - did you mean "e.json"?');
  await fails({}, "needs a folder with dataset_info.json");
  await assertRejects(
    () => load({ "dataset_info.json": '{\n "d": {,\n}' }),
    SyntaxError,
    "dataset_info.json:2",
  );
  const twice = '{"d": {"file_name": "d.json"},\n "d": {"file_name": "e.json"}}';
  await assertRejects(
    () => load({ "dataset_info.json": twice }),
    SyntaxError,
    'json:2:2 as JSON: the name "d" comes twice',
  );
  const same = { "dataset_info.json": info({ columns: { prompt: "q", response: "q" } }), "d.json": rows(1) };
  await fails(same, 'Cannot use column "q" of data set "d"');
  await fails(same, "as both prompt and response");
});

Deno.test("templates' objections are one reason each, with the first one's words; rare reasons are one", async () => {
  const columns = { prompt: "instruction", response: "output", tools: "tools" };
  const bad = Array.from(
    { length: 30 },
    (_, k) => [`[{'n${k}': 1}]`, `["${"x".repeat(k)}" no]`, `{"k": ${k}}`],
  ).flat();
  const files = {
    "dataset_info.json": info({ columns }),
    "d.json": [...rows(1), ...bad.map((tools) => ({ instruction: "q", output: "a", tools }))],
  };
  const { report } = await load(files);
  assertEquals(report.dropped.map(({ reason, count }) => [reason, count]), [
    ["Cannot use tools as JSON", 60],
    ["Cannot use tools as a list of tool definitions", 30],
  ]);
  assertStringIncludes(
    report.dropped[0]!.first.value,
    '"q" (Cannot use tools as JSON: Expected property name',
  );
  const tally = new RowTally(false);
  for (let k = 0; k < 500; k++) {
    tally.drop(`reason ${k}`, { file: "f", row: k, line: null, field: "", value: "v" });
  }
  tally.drop("reason 7", { file: "f", row: 500, line: null, field: "", value: "v" });
  assertEquals(tally.dropped.length, 11);
  assertEquals([tally.dropped[0]!.reason, tally.dropped[10]!.reason, tally.dropped[10]!.count], [
    "reason 7",
    "one of 490 further reasons, such as: reason 10",
    490,
  ]);
});

Deno.test("streaming takes what max_steps needs, in HF's shuffled order, the first rows for evaluation", async () => {
  const n = 60;
  const files = { "dataset_info.json": info(), "d.json": rows(n) };
  const over = { streaming: true, buffer_size: 16, max_steps: 70, val_size: 4 };
  const got = await load(files, over);
  const order = datasetGolden("hugging_face.json")["stream 0"];
  assertEquals(got.evaluation.map((e) => e.source.row), order.slice(0, 4));
  assertEquals(got.train.slice(0, 56).map((e) => e.source.row), order.slice(4));
  const held = new Set(order.slice(0, 4));
  const second = datasetGolden("hugging_face.json")["stream 1"].filter((i: number) => !held.has(i));
  assertEquals(got.train.slice(56).map((e) => e.source.row), second.slice(0, 14));
  assertEquals([got.train.length, got.shuffle], [70, false]);
  await assertRejects(() => load(files, { streaming: true }), RangeError, "max_steps");
});

const content = ({ train, evaluation, hash, report }: LoadedExamples) => ({
  ...{ hash, report },
  lists: [train, evaluation].map((list) => list.map((e) => structuredClone({ ...e }))),
});

Deno.test("the cache gives the same data, is rebuilt when damaged or when anything changes", async () => {
  const big = rows(4000).map((r) => ({ ...r, input: "some words to make the file large enough" }));
  const given = inputs({ "dataset_info.json": info(), "d.json": big }, { val_size: 100 });
  const folder = given.options.data_cache_dir!;
  const first = content(await loadExamples(given));
  const [file, ...more] = [...Deno.readDirSync(folder)].map((e) => join(folder, e.name));
  assertEquals(more, []);
  const written = Deno.statSync(file!).mtime;
  assertEquals(content(await loadExamples(given)), first);
  assertEquals(Deno.statSync(file!).mtime, written);

  const bytes = Deno.readFileSync(file!);
  bytes[bytes.length - 50]! ^= 1;
  Deno.writeFileSync(file!, bytes);
  assertEquals(content(await loadExamples(given)), first);
  Deno.writeFileSync(file!, bytes.subarray(0, 100));
  assertEquals(content(await loadExamples(given)), first);
  // the header has the counts, the rows' hash and the report
  const whole = Deno.readFileSync(file!), size = new DataView(whole.buffer).getUint32(0, true);
  const header = Array.from({ length: Math.ceil(size / 23) }, (_, i) => (4 + 23 * i) / whole.length);
  for (const { what, bytes } of damagesOf(whole, [...header, 0.5, 0.9])) {
    Deno.writeFileSync(file!, bytes);
    assertEquals(readCache(file!), null, what);
  }
  Deno.writeFileSync(file!, whole);
  assert(readCache(file!) !== null);

  const other = await loadExamples({ ...given, options: { ...given.options, cutoff_len: 64 } });
  assertNotEquals(other.hash, first.hash);
  assertEquals([...Deno.readDirSync(folder)].length, 2);
  const swapped = { ...given.options, val_size: 0, dataset: [], eval_dataset: ["d"] };
  const asEvaluation = await loadExamples({ ...given, options: swapped });
  const asTraining = await loadExamples({
    ...given,
    options: { ...swapped, dataset: ["d"], eval_dataset: [] },
  });
  assertEquals([asEvaluation.train.length, asEvaluation.evaluation.length], [0, 4000]);
  assertEquals([asTraining.train.length, asTraining.evaluation.length], [4000, 0]);
});

Deno.test("reading stops when the signal is aborted", async () => {
  const given = inputs({ "dataset_info.json": info(), "d.json": rows(3) });
  await assertRejects(
    () => loadExamples({ ...given, signal: AbortSignal.abort(new TypeError("stopped")) }),
    TypeError,
    "stopped",
  );
});

Deno.test("an example may be sent to another thread, and read in any order", async () => {
  const { train } = await load({ "dataset_info.json": info(), "d.json": rows(3) });
  const copies = structuredClone(train);
  assert(copies[0]!.sequences[0]!.input_ids instanceof Int32Array);
  assertEquals(answers(copies), ["a0", "a1", "a2"]);
  const kept = train[0]!.sequences;
  assertEquals(answers([train[2]!, train[0]!]), ["a2", "a0"]);
  assertEquals(answers([{ ...train[0]!, sequences: kept }]), ["a0"]);
});

Deno.test("fields of rows that nothing uses are reported once per file, in every format", async () => {
  const [question, answer] = [{ from: "human", value: "hi" }, { from: "gpt", value: "yo" }];
  const formats: [string, Record<string, unknown>, string][] = [
    [
      "alpaca",
      { instruction: "hi", output: "yo", system: "s", history: [["q", "r"]] },
      '"history" in 2 rows, "system" in 2',
    ],
    ["sharegpt", { conversations: [question, answer], system: "s" }, '"system" in 2 rows'],
    ["openai", {
      messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }],
      tools: [{}],
    }, '"tools" in 2'],
  ];
  for (const [formatting, row, told] of formats) {
    const got = await load({ "dataset_info.json": info({ formatting }), "d.json": [row, row] });
    assertEquals(got.report.notes.filter((note) => note.includes("that nothing uses")).length, 1, formatting);
    assert(got.report.notes.some((note) => note.includes(told)), got.report.notes.join("\n"));
  }
  const quad = { x1: "a", y1: "b", x2: "c", y2: "d", id: 7 };
  const got = await load(
    { "dataset_info.json": info({ formatting: "quads" }), "d.json": [quad] },
    {},
    "iopo",
  );
  assert(got.report.notes.some((note) => note.includes('"id" in 1 row')), got.report.notes.join("\n"));
});

Deno.test("a turn with weight 0 (train, training, loss: false) is shown and not learnt; a row so marked is dropped", async () => {
  const talk = (mark: Record<string, unknown>) => ({
    messages: [
      { role: "user", content: "a" },
      { role: "assistant", content: "bad", ...mark },
      { role: "user", content: "b" },
      { role: "assistant", content: "good", weight: 1 },
    ],
  });
  for (const mark of [{ weight: 0 }, { train: false }, { training: false }, { loss: false }]) {
    const rows = [talk(mark), { ...talk({}), ...mark }];
    const got = await load({ "dataset_info.json": info({ formatting: "openai" }), "d.json": rows });
    assertEquals(answers(got.train), ["good"], JSON.stringify(mark));
    assert(raw.decode(Array.from(got.train[0]!.sequences[0]!.input_ids)).includes("bad"));
    assertEquals(got.report.dropped.map(({ count, reason }) => [count, reason.slice(0, 24)]), [[
      1,
      "row is not to be learnt ",
    ]]);
  }
  const half = await load({
    "dataset_info.json": info({ formatting: "openai" }),
    "d.json": [talk({}), talk({ weight: 0.5 })],
  });
  assertEquals(half.report.dropped.map(({ reason }) => reason), [
    "weight is neither 0 nor 1 (true nor false)",
  ]);
  const only = { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b", weight: 0 }] };
  const none = await load({
    "dataset_info.json": info({ formatting: "openai" }),
    "d.json": [talk({}), only],
  });
  assertEquals(none.report.dropped.map(({ reason }) => reason), ["no answer is to be learnt"]);
});

Deno.test("with train_on_prompt a prompt's turn that is marked so isn't learnt, nor one behind a system text that is", async () => {
  const learnt = async (more: Record<string, unknown>, system?: Record<string, unknown>) => {
    const messages = [
      ...(system === undefined ? [] : [{ role: "system", content: "S", ...system }]),
      { role: "user", content: "ask", ...more },
      { role: "assistant", content: "one" },
      { role: "user", content: "again" },
      { role: "assistant", content: "two" },
    ];
    const files = { "dataset_info.json": info({ formatting: "openai" }), "d.json": [{ messages }] };
    const [text] = answers((await load(files, { train_on_prompt: true })).train);
    return ["S", "ask", "one", "again", "two"].filter((part) => text?.includes(part)).join();
  };
  assertEquals(await learnt({}), "ask,one,again,two");
  assertEquals(await learnt({ weight: 1 }), "ask,one,again,two");
  assertEquals(await learnt({ weight: 0 }), "one,again,two");
  assertEquals(await learnt({}, {}), "S,ask,one,again,two");
  assertEquals(await learnt({}, { train: false }), "one,again,two");
});

Deno.test("with efficient_eos an unlearnt answer's end isn't learnt either", async () => {
  const turn = (from: string, value: string, more = {}) => ({ from, value, ...more });
  const talk = (mark: object) => ({
    conversations: [turn("human", "a"), turn("gpt", "bad", mark), turn("human", "b"), turn("gpt", "good")],
  });
  const count = async (mark: object) => {
    const files = { "dataset_info.json": info({ formatting: "sharegpt" }), "d.json": [talk(mark)] };
    const got = await load(files, {}, "sft", "fewshot");
    return got.report.lengths[0]!.labels;
  };
  // the answer with the line breaks that belong to it, and eos as the label of the next turn's first token
  const bad = raw.encode("bad\n\n").length;
  assertEquals(await count({ weight: 0 }), await count({}) - bad - 1);
});

Deno.test("preference rows that prefer nothing are counted and warned of", async () => {
  const pair = (chosen: string, rejected: string) => ({ instruction: "q", chosen, rejected });
  const pairs = await load(
    {
      "dataset_info.json": info({ ranking: true }),
      "d.json": [pair("a", "b"), pair("c", "c"), pair("d", "d")],
    },
    {},
    "dpo",
  );
  assertEquals(pairs.report.warnings.map((text) => text.slice(0, 60)), [
    "2 rows have the same chosen and rejected answer, the first i",
  ]);
  const quad = (x1: string, y1: string, x2: string, y2: string) => ({ x1, y1, x2, y2 });
  const quads = await load(
    {
      "dataset_info.json": info({ formatting: "quads" }),
      "d.json": [quad("a", "b", "c", "d"), quad("a", "b", "a", "d"), quad("a", "b", "c", "b")],
    },
    {},
    "iopo",
  );
  assertEquals(quads.report.warnings.map((text) => text.split(",")[0]), [
    "1 row has the same prompts x1 and x2",
    "1 row has the same answers y1 and y2",
  ]);
});

Deno.test("a data file is named by its path: the format is seen from its rows and told, no dataset_info.json is needed", async () => {
  const message = (role: string, content: string) => ({ role, content });
  const turn = (from: string, value: string) => ({ from, value });
  const rows: [string, Record<string, unknown>, string, string][] = [
    ["alpaca", { instruction: "hi", output: "yo" }, "sft", "qwen"],
    ["openai", { messages: [message("user", "hi"), message("assistant", "yo")] }, "sft", "qwen"],
    ["sharegpt", { conversations: [turn("human", "hi"), turn("gpt", "yo")] }, "sft", "qwen"],
    ["trl", { prompt: "hi", completion: "yo" }, "sft", "qwen"],
    ["trl", { prompt: "hi", chosen: "yo", rejected: "no" }, "dpo", "qwen"],
    [
      "sharegpt",
      { conversations: [turn("human", "hi")], chosen: turn("gpt", "yo"), rejected: turn("gpt", "no") },
      "dpo",
      "qwen",
    ],
    ["quads", { x1: "hi", y1: "yo", x2: "ho", y2: "no" }, "iopo", "qwen"],
    ["trl", { text: "yo" }, "pt", "qwen"],
  ];
  for (const [format, row, loss, template] of rows) {
    const made = inputs({ "rows.jsonl": JSON.stringify(row) }, {}, loss, template);
    const path = join(made.options.dataset_dir, "rows.jsonl");
    const got = await loadExamples({ ...made, options: { ...made.options, dataset: [path] } });
    assert("yo".endsWith(answers(got.train)[0] ?? "no answer"), format); // a text's first token has no label
    assert(got.report.notes[0]?.includes(`is read as formatting ${format}`), got.report.notes.join("\n"));
  }
  const unknown = inputs({ "rows.jsonl": '{"a": 1, "b": 2}' });
  const path = join(unknown.options.dataset_dir, "rows.jsonl");
  await assertRejects(
    () => loadExamples({ ...unknown, options: { ...unknown.options, dataset: [path] } }),
    RangeError,
    "its first record has a, b",
  );
  await assertRejects(
    () => load({ "dataset_info.json": info() }, { dataset: ["data/gone.jsonl"] }),
    RangeError,
    "there is no such file",
  );
});

Deno.test("sets on the hub are downloaded, by an entry with hf_hub_url or by their id; the commit is told and decides about the cache", async () => {
  const lines = (from: number, n = 2) => rows(n, from).map((row) => JSON.stringify(row)).join("\n");
  const card = "---\nconfigs:\n- {config_name: default, data_files: plain.jsonl}\n" +
    "- {config_name: long, data_files: [{split: test, path: long.jsonl}]}\n---\n";
  const files = (long: string) =>
    new Map(
      Object.entries({ "README.md": card, "plain.jsonl": lines(0), "long.jsonl": long }).map(
        ([name, text]) => [name, new TextEncoder().encode(text)],
      ),
    );
  const set = { name: "some/rows", kind: "datasets" as const };
  await using hub = new FakeHub(files(lines(10)), {}, set);
  const cacheDir = temporaryFolder();
  const from = (given: LoadInputs, at = hub): LoadInputs => ({
    ...given,
    hub: { endpoint: at.endpoint, cacheDir, offline: false },
  });

  const byId = await loadExamples(from(inputs({}, { dataset: ["some/rows"] })));
  assertEquals(answers(byId.train), ["a0", "a1"]);
  const [told] = byId.report.notes;
  assertEquals(
    told,
    `some/rows is split train of the hub's revision main, commit ${COMMIT}: plain.jsonl, ${
      lines(0).length
    } bytes`,
  );
  assert(byId.report.notes.some((note) => note.includes("is read as formatting alpaca")));

  const entry = info({ file_name: undefined, hf_hub_url: "some/rows", subset: "long", split: "test" });
  const written = inputs({ "dataset_info.json": entry }, { dataset: ["d"], eval_dataset: ["some/rows"] });
  const both = await loadExamples(from(written));
  assertEquals([answers(both.train), answers(both.evaluation)], [["a10", "a11"], ["a0", "a1"]]);

  const { hub: asked, options, registry: plugins } = from(written);
  const opened = await DataSet.open(readDatasetInfo(options.dataset_dir), "d", "single", plugins, asked);
  assertEquals(opened.entry.commit, COMMIT);
  const later = new DataSet(
    { ...opened.entry, commit: COMMIT.replace("0", "f") },
    "alpaca",
    "single",
    plugins,
  );
  assertNotEquals(cacheKey(written, [later]), cacheKey(written, [opened]));

  const gone = inputs({ "dataset_info.json": info() }, { dataset: ["some/gone"] });
  await assertRejects(() => loadExamples(from(gone)), RangeError, "there is no such data set");
  const misspelt = inputs({ "dataset_info.json": info() }, { dataset: ["some/rows.jsonl"] });
  await assertRejects(() => loadExamples(from(misspelt)), RangeError, "there is no such file");
});
