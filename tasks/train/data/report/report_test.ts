import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { dataText } from "../../data_text.ts";
import { loadExamples } from "../load.ts";
import { describeDrop, RowTally } from "./report.ts";
import { infoOf, loadWritten, numberedRows, writtenInputs } from "../../../../tests/helpers/written_sets.ts";

Deno.test("dropped rows are counted by reason, with the first one; above 1 % there is a warning", async () => {
  const bad = [{ instruction: "q" }, { instruction: "q", output: 3 }, { instruction: "q", output: 4 }, 5];
  const got = await loadWritten({ "dataset_info.json": infoOf(), "d.json": [...numberedRows(3), ...bad] });
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

Deno.test("values of dropped rows are shown as the file has them: NaN, long whole numbers, 1.0, inside of lists and objects too", async () => {
  const cases = [
    ["NaN", "NaN"],
    ["12345678901234567890", "12345678901234567890"],
    ["1.0", "1.0"],
    [
      '[{"a": -Infinity, "b": [NaN, 9007199254740993]}, null]',
      '[{"a": -Infinity, "b": [NaN, 9007199254740993]}, null]',
    ],
  ] as const;
  for (const [written, shown] of cases) {
    const rows = `{"instruction": "q", "output": "a"}\n{"instruction": "q", "output": ${written}}\n`;
    const { report } = await loadWritten({ "dataset_info.json": infoOf(), "d.json": rows });
    assertEquals(report.dropped.map(({ first }) => first.value), [shown]);
  }
});

Deno.test("dataText() counts one of a thing as one", async () => {
  const { report } = await loadWritten({
    "dataset_info.json": infoOf(),
    "d.json": [{ instruction: "q", output: "a" }],
  });
  const text = dataText(report);
  assertMatch(text, /^data {9}1 row: 1 example to train on, 0 to evaluate on\n {2}\S+ +1 sequence of /);
});

Deno.test("dataText() breaks lines of lengths between words where they are wider than the terminal", async () => {
  const { report } = await loadWritten({ "dataset_info.json": infoOf(), "d.json": numberedRows(3) });
  const sizes = {
    count: 540,
    min: 24,
    mean: 45.2,
    p50: 45,
    p90: 57,
    p99: 68,
    max: 71,
    tokens: 24480,
    labels: 8637,
  };
  const text = dataText({ ...report, lengths: [{ name: "x1y1", ...sizes }] }, "training", 80);
  assertEquals(text.split("\n").slice(1), [
    "  x1y1       540 sequences of 24 to 71 tokens, mean 45, half below 45, nine",
    "             tenths below 57; 24480 tokens, 8637 learnt",
  ]);
});

Deno.test("no usable row is an error that says why for each reason", async () => {
  const error = await assertRejects(
    () =>
      loadWritten({
        "dataset_info.json": infoOf(),
        "d.json": [{ instruction: "q", output: null }, { instruction: 1, output: "a" }],
      }),
    RangeError,
    'Cannot train on data set "d" as none of its 2 rows can be used:',
  );
  assert(error.message.includes("response is missing: 1 row, the first is row 0, line 1 of "), error.message);
  assert(error.message.includes("instruction = 1"), error.message);
  await assertRejects(
    () => loadWritten({ "dataset_info.json": infoOf(), "d.json": [] }),
    RangeError,
    "it has no rows: current value is a file without any",
  );
  await assertRejects(
    () => loadWritten({ "dataset_info.json": {}, "d.json": numberedRows(3) }),
    RangeError,
    "known are none",
  );
  const given = writtenInputs({ "dataset_info.json": infoOf(), "d.json": numberedRows(3) }, { val_size: 3 });
  await assertRejects(
    () => loadExamples({ ...given, placeOf: (key) => `t.yaml, ${key}` }),
    RangeError,
    "t.yaml, val_size: Cannot hold out rows for evaluation as val_size needs at least one training row left",
  );
  await assertRejects(
    () => loadWritten({ "dataset_info.json": infoOf(), "d.json": numberedRows(3) }, { cutoff_len: 1 }),
    RangeError,
    "cut to cutoff_len, no answer token is left: 3 rows",
  );
});

Deno.test("rows that are cut are counted, with a warning that names the lost header", async () => {
  const long = numberedRows(3).map((r) => ({ ...r, instruction: r.instruction + "x".repeat(400) }));
  const files = { "dataset_info.json": infoOf(), "d.json": [...numberedRows(3), ...long] };
  const got = await loadWritten(files, { cutoff_len: 150 });
  assertEquals(got.report.truncated, { rows: 3, prompt: 3, answer: 0, turns: 0 });
  assert(
    got.report.warnings.some((w) => w.includes("loses the assistant header")),
    got.report.warnings.join(),
  );
  assertEquals(got.report.lengths[0]!.max, 150);
  const kept = await loadWritten(files, { cutoff_len: 150, truncation: "keep_template" });
  assert(!kept.report.warnings.join().includes("header"));
});

Deno.test("templates' objections are one reason each, with the first one's words; rare reasons are one", async () => {
  const columns = { prompt: "instruction", response: "output", tools: "tools" };
  const bad = Array.from(
    { length: 30 },
    (_, k) => [`[{'n${k}': 1}]`, `["${"x".repeat(k)}" no]`, `{"k": ${k}}`],
  ).flat();
  const files = {
    "dataset_info.json": infoOf({ columns }),
    "d.json": [...numberedRows(1), ...bad.map((tools) => ({ instruction: "q", output: "a", tools }))],
  };
  const { report } = await loadWritten(files);
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
    const got = await loadWritten({ "dataset_info.json": infoOf({ formatting }), "d.json": [row, row] });
    assertEquals(got.report.notes.filter((note) => note.includes("that nothing uses")).length, 1, formatting);
    assert(got.report.notes.some((note) => note.includes(told)), got.report.notes.join("\n"));
  }
  const quad = { x1: "a", y1: "b", x2: "c", y2: "d", id: 7 };
  const got = await loadWritten(
    { "dataset_info.json": infoOf({ formatting: "quads" }), "d.json": [quad] },
    {},
    "iopo",
  );
  assert(got.report.notes.some((note) => note.includes('"id" in 1 row')), got.report.notes.join("\n"));
});

Deno.test("preference rows that prefer nothing are counted and warned of", async () => {
  const pair = (chosen: string, rejected: string) => ({ instruction: "q", chosen, rejected });
  const pairs = await loadWritten(
    {
      "dataset_info.json": infoOf({ ranking: true }),
      "d.json": [pair("a", "b"), pair("c", "c"), pair("d", "d")],
    },
    {},
    "dpo",
  );
  assertEquals(pairs.report.warnings.map((text) => text.slice(0, 60)), [
    "2 rows have the same chosen and rejected answer, the first i",
  ]);
  const quad = (x1: string, y1: string, x2: string, y2: string) => ({ x1, y1, x2, y2 });
  const quads = await loadWritten(
    {
      "dataset_info.json": infoOf({ formatting: "quads" }),
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
