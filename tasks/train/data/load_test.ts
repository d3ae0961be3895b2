import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { datasetGolden } from "../../../tests/helpers/dataset_goldens.ts";
import { loadExamples } from "./load.ts";
import { shared } from "../../../tests/helpers/shared_data.ts";
import {
  bundledTokenizer,
  dataRegistry,
  infoOf,
  learntAnswers,
  loadWritten,
  numberedRows,
  writtenInputs,
} from "../../../tests/helpers/written_sets.ts";

const GOLDENS = shared("goldens/llamafactory"), TRACE = shared("data/trace");

Deno.test("val_size splits as LLaMA-Factory does (golden), and rows keep their place", async () => {
  const { val_split } = datasetGolden("datasets.json");
  for (const { n, val_size, train, validation } of val_split.slice(0, 7)) {
    const got = await loadWritten({ "dataset_info.json": infoOf(), "d.json": numberedRows(n) }, { val_size });
    assertEquals(got.train.map((e) => e.source.row), train);
    assertEquals(got.evaluation.map((e) => e.source.row), validation);
    assertEquals(learntAnswers(got.evaluation), validation.map((i: number) => `a${i}`));
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
      const got = await loadWritten({}, over, loss);
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
  const got = await loadWritten({ "dataset_info.json": infoOf({ num_samples: 4 }), "d.json": c.rows });
  // deno-lint-ignore no-explicit-any -- golden
  assertEquals(learntAnswers(got.train), c.aligned.map((row: any) => row._response[0].content));
  const some = await loadWritten({
    "dataset_info.json": infoOf({ num_samples: 2 }),
    "d.json": numberedRows(5),
  });
  assertEquals([some.train.length, some.report.rows], [2, 2]);
  const first = await loadWritten({ "dataset_info.json": infoOf(), "d.json": numberedRows(600) }, {
    max_samples: 300,
  });
  assertEquals(first.train.map((e) => e.source.row), Array.from({ length: 300 }, (_, i) => i));
});

Deno.test("eval_on_each_dataset keeps evaluation sets apart, whatever mixes the others, and refuses one without rows", async () => {
  const entry = (file_name: string) => ({ file_name });
  const files = {
    "dataset_info.json": {
      d: entry("d.json"),
      e: entry("e.json"),
      f: entry("f.json"),
      none: entry("none.json"),
    },
    "d.json": numberedRows(2),
    "e.json": numberedRows(3),
    "f.json": numberedRows(2),
    "none.json": [{ instruction: "q", output: null }],
  };
  const over = { eval_on_each_dataset: true, mix_strategy: "interleave_under" } as const;
  const apart = await loadWritten(files, { ...over, eval_dataset: ["e", "f"] });
  assertEquals(apart.evaluationSets, [{ name: "e", count: 3 }, { name: "f", count: 2 }]);
  assertEquals(learntAnswers(apart.evaluation), ["a0", "a1", "a2", "a0", "a1"]);
  assertEquals(apart.evaluation.map(({ index }) => index), [0, 1, 2, 3, 4]);
  const together = await loadWritten(files, { eval_dataset: ["e", "f"] });
  assertEquals([together.evaluationSets, together.evaluation.length], [null, 5]);
  await assertRejects(
    () => loadWritten(files, { ...over, eval_dataset: ["e", "none"] }),
    RangeError,
    'data set "none"',
  );
  await loadWritten(files, { eval_dataset: ["e", "none"] });
});

Deno.test("several sets: concatenated, interleaved, evaluation sets apart", async () => {
  const files = {
    "dataset_info.json": {
      a: { file_name: "a.json" },
      b: { file_name: "b.jsonl" },
      e: { file_name: "e.csv" },
    },
    "a.json": numberedRows(2),
    "b.jsonl": numberedRows(3, 10).map((r) => JSON.stringify(r)).join("\n"),
    "e.csv": "instruction,input,output\nq,,a20\n",
  };
  const both = { dataset: ["a", "b"], eval_dataset: ["e"] };
  const one = await loadWritten(files, both);
  assertEquals(learntAnswers(one.train), ["a0", "a1", "a10", "a11", "a12"]);
  assertEquals(learntAnswers(one.evaluation), ["a20"]);
  const two = await loadWritten(files, { ...both, mix_strategy: "interleave_over" });
  assertEquals(learntAnswers(two.train), ["a0", "a10", "a1", "a11", "a0", "a12"]);
});

Deno.test("kto pairs each prompt with the answer of the row before", async () => {
  const data = [true, false, true].map((label, i) => ({
    instruction: `q${i}`,
    input: "",
    output: `a${i}`,
    label,
  }));
  const columns = { prompt: "instruction", query: "input", response: "output", kto_tag: "label" };
  const got = await loadWritten({ "dataset_info.json": infoOf({ columns }), "d.json": data }, {}, "kto");
  assertEquals(got.train.map((e) => e.desirable), [true, false, true]);
  assertEquals(got.train.map((e) => e.sequences.map((s) => s.name)), Array(3).fill(["y", "kl"]));
  assertEquals([learntAnswers(got.train), learntAnswers(got.train, 1)], [["a0", "a1", "a2"], [
    "a2",
    "a0",
    "a1",
  ]]);
});

Deno.test("the IOPO authors' record gives four sequences under its own dataset_info.json", async () => {
  const turns = ["写标题1", "写标题2"].map((value) => ({ from: "human", value }));
  const record = {
    conversations: turns,
    chosen: { from: "gpt", value: "一" },
    rejected: { from: "gpt", value: "二" },
  };
  const columns = { messages: "conversations", chosen: "chosen", rejected: "rejected" };
  const entry = infoOf({ ranking: true, formatting: "sharegpt", columns });
  const got = await loadWritten({ "dataset_info.json": entry, "d.json": [record] }, {}, "iopo");
  const [example] = got.train;
  assertEquals(
    example!.sequences.map((s) => s.name),
    Object.keys(dataRegistry.create("loss", "iopo").sequences),
  );
  const text = Object.fromEntries(
    example!.sequences.map((s) => [s.name, bundledTokenizer.decode(Array.from(s.input_ids))]),
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
  const got = await loadWritten(files, { dataset: ["trace_iopo"], cutoff_len: 6000 }, "iopo");
  assertEquals([got.train.length, got.report.dropped, got.report.notes], [1, [], []]);
  const [record] = JSON.parse(files["trace.json"]);
  const text = Object.fromEntries(
    got.train[0]!.sequences.map((s) => [s.name, bundledTokenizer.decode(Array.from(s.input_ids))]),
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
  const alone = await loadWritten(files, {}, "pt");
  assertEquals(alone.train.map((e) => e.sequences[0]!.input_ids.length), [4, 5, 2]);
  const packed = await loadWritten(files, { packing: true, cutoff_len: 4 }, "pt");
  assertEquals(
    packed.train.map((e) =>
      bundledTokenizer.decode(Array.from(e.sequences[0]!.input_ids), { skipSpecial: true })
    ),
    [
      "abc",
      "defg",
    ],
  );
  assertEquals(packed.train.map((e) => e.source.row), [0, 1]);
  assert(packed.report.notes.some((note) => note.startsWith("3 tokens of text")), packed.report.notes.join());
});

Deno.test("streaming takes what max_steps needs, in HF's shuffled order, the first rows for evaluation", async () => {
  const n = 60;
  const files = { "dataset_info.json": infoOf(), "d.json": numberedRows(n) };
  const over = { streaming: true, buffer_size: 16, max_steps: 70, val_size: 4 };
  const got = await loadWritten(files, over);
  const order = datasetGolden("hugging_face.json")["stream 0"];
  assertEquals(got.evaluation.map((e) => e.source.row), order.slice(0, 4));
  assertEquals(got.train.slice(0, 56).map((e) => e.source.row), order.slice(4));
  const held = new Set(order.slice(0, 4));
  const second = datasetGolden("hugging_face.json")["stream 1"].filter((i: number) => !held.has(i));
  assertEquals(got.train.slice(56).map((e) => e.source.row), second.slice(0, 14));
  assertEquals([got.train.length, got.shuffle], [70, false]);
  await assertRejects(() => loadWritten(files, { streaming: true }), RangeError, "max_steps");
});

Deno.test("reading stops when the signal is aborted", async () => {
  const given = writtenInputs({ "dataset_info.json": infoOf(), "d.json": numberedRows(3) });
  await assertRejects(
    () => loadExamples({ ...given, signal: AbortSignal.abort(new TypeError("stopped")) }),
    TypeError,
    "stopped",
  );
});

Deno.test("an example may be sent to another thread, and read in any order", async () => {
  const { train } = await loadWritten({ "dataset_info.json": infoOf(), "d.json": numberedRows(3) });
  const copies = structuredClone(train);
  assert(copies[0]!.sequences[0]!.input_ids instanceof Int32Array);
  assertEquals(learntAnswers(copies), ["a0", "a1", "a2"]);
  const kept = train[0]!.sequences;
  assertEquals(learntAnswers([train[2]!, train[0]!]), ["a2", "a0"]);
  assertEquals(learntAnswers([{ ...train[0]!, sequences: kept }]), ["a0"]);
});
