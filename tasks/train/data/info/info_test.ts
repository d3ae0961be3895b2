import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { COMMIT, FakeHub } from "../../../../tests/helpers/fake_hub.ts";
import type { EncodedExample } from "../../../../kernels/engine/packs/encoded.ts";
import { cacheKey } from "../cache.ts";
import { readDatasetInfo } from "./info.ts";
import { DataSet } from "../sets/sets.ts";
import { loadExamples } from "../load.ts";
import { type DataOptions, type LoadInputs } from "../load_inputs.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import {
  bundledTokenizer,
  infoOf,
  learntAnswers,
  loadWritten,
  numberedRows,
  type WrittenFiles,
  writtenInputs,
} from "../../../../tests/helpers/written_sets.ts";

/** All of an example's only sequence. */
const wholeText = (list: EncodedExample[], i: number) =>
  bundledTokenizer.decode(Array.from(list[i]!.sequences[0]!.input_ids));

Deno.test("names, columns and files that don't exist are errors with file, line and the nearest name", async () => {
  const fails = (files: WrittenFiles, includes: string, over: Partial<DataOptions> = {}) =>
    assertRejects(() => loadWritten(files, over), RangeError, includes);
  const text =
    '{\n  "toy_sft": {\n    "file_name": "d.json",\n    "columns": {"promt": "instruction"}\n  }\n}';
  await fails({ "dataset_info.json": text }, 'did you mean "toy_sft"?', { dataset: ["toy_sfx"] });
  await fails({ "dataset_info.json": text, "d.json": numberedRows(1) }, 'Cannot use column "promt"', {
    dataset: ["toy_sft"],
  });
  await fails(
    { "dataset_info.json": text, "d.json": numberedRows(1) },
    'dataset_info.json:2:3 - did you mean "prompt"?',
    {
      dataset: ["toy_sft"],
    },
  );
  await fails({
    "dataset_info.json": infoOf({ columns: { prompt: "instructions", response: "output" } }),
    "d.json": numberedRows(1),
  }, 'Cannot find column "instructions" (prompt)');
  await fails(
    { "dataset_info.json": infoOf({ formatting: "alpacca" }), "d.json": numberedRows(1) },
    'did you mean "alpaca"?',
  );
  // a field that does nothing may be why
  const format = { "dataset_info.json": infoOf({ format: "openai" }), "d.json": [{ messages: [] }] };
  await fails(format, '"format" of data set "d" does nothing - did you mean "formatting"?');
  const empty = {
    "dataset_info.json": infoOf({ rankin: true }),
    "d.json": [{ instruction: 1, output: "a" }],
  };
  await fails(empty, '"rankin" of data set "d" does nothing - did you mean "ranking"?');
  await fails({ "dataset_info.json": infoOf({ ms_hub_url: "a/b" }) }, "Download it into");
  const badId = { "dataset_info.json": infoOf({ hf_hub_url: "a b" }) };
  await assertRejects(() => loadWritten(badId), TypeError, "the id of a data set on the hub");
  await fails(
    { "dataset_info.json": infoOf(), "e.json": numberedRows(1) },
    'd.json - did you mean "e.json"?',
  );
  await fails({}, "needs a folder with dataset_info.json");
  await assertRejects(
    () => loadWritten({ "dataset_info.json": '{\n "d": {,\n}' }),
    SyntaxError,
    "dataset_info.json:2",
  );
  const twice = '{"d": {"file_name": "d.json"},\n "d": {"file_name": "e.json"}}';
  await assertRejects(
    () => loadWritten({ "dataset_info.json": twice }),
    SyntaxError,
    'json:2:2 as JSON: the name "d" comes twice',
  );
  const same = {
    "dataset_info.json": infoOf({ columns: { prompt: "q", response: "q" } }),
    "d.json": numberedRows(1),
  };
  await fails(same, 'Cannot use column "q" of data set "d"');
  await fails(same, "as both prompt and response");
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
    const made = writtenInputs({ "rows.jsonl": JSON.stringify(row) }, {}, loss, template);
    const path = join(made.options.dataset_dir, "rows.jsonl");
    const got = await loadExamples({ ...made, options: { ...made.options, dataset: [path] } });
    assert("yo".endsWith(learntAnswers(got.train)[0] ?? "no answer"), format); // a text's first token has no label
    assert(got.report.notes[0]?.includes(`is read as formatting ${format}`), got.report.notes.join("\n"));
  }
  const unknown = writtenInputs({ "rows.jsonl": '{"a": 1, "b": 2}' });
  const path = join(unknown.options.dataset_dir, "rows.jsonl");
  await assertRejects(
    () => loadExamples({ ...unknown, options: { ...unknown.options, dataset: [path] } }),
    RangeError,
    "its first record has a, b",
  );
  await assertRejects(
    () => loadWritten({ "dataset_info.json": infoOf() }, { dataset: ["data/gone.jsonl"] }),
    RangeError,
    "there is no such file",
  );
  // a folder without dataset_info.json has no names that the file's could be
  const alone = writtenInputs({ "rows.jsonl": "{}" });
  const dataset = [join(alone.options.dataset_dir, "row.jsonl")];
  await assertRejects(
    () => loadExamples({ ...alone, options: { ...alone.options, dataset } }),
    RangeError,
    `there is no such file - did you mean "rows.jsonl"?: current value is ${dataset[0]}`,
  );
});

Deno.test("of a data file named by its path the system text, the tools and the history of its rows are used; beside an entry they are when it names them", async () => {
  const message = (role: string, content: string) => ({ role, content });
  const tools = [{ type: "function", function: { name: "roll_dice", description: "d", parameters: {} } }];
  const talk = { messages: [message("user", "hi"), message("assistant", "yo")] };
  const turns = [{ from: "human", value: "hi" }, { from: "gpt", value: "yo" }];
  const rows: [Record<string, unknown>, Record<string, unknown>][] = [
    [talk, { system: "Be kind", tools }],
    [{ conversations: turns }, { system: "Be kind", tools: JSON.stringify(tools) }],
    [{ prompt: [message("user", "hi")], completion: "yo" }, { system: "Be kind", tools }],
    [{ instruction: "hi", output: "yo" }, { system: "Be kind", tools, history: [["old", "answer"]] }],
  ];
  for (const [row, further] of rows) {
    // the first row has none: a later one may
    const made = writtenInputs({ "rows.json": [row, { ...row, ...further }] });
    const byPath = join(made.options.dataset_dir, "rows.json");
    const got = await loadExamples({ ...made, options: { ...made.options, dataset: [byPath] } });
    const [plain, full] = got.train.map((_, i) => wholeText(got.train, i));
    const shown = {
      system: full?.includes("Be kind"),
      tools: full?.includes("roll_dice"),
      old: full?.includes("old"),
    };
    assertEquals(shown, { system: true, tools: true, old: "history" in further }, JSON.stringify(row));
    assert(!plain?.includes("Be kind"));
    assert(!got.report.notes.some((note) => note.includes("nothing uses")), got.report.notes.join("\n"));
  }
  const entry = { "dataset_info.json": infoOf({ formatting: "openai" }), "d.json": [{ ...talk, tools }] };
  const { train, report } = await loadWritten(entry);
  assert(!wholeText(train, 0).includes("roll_dice"));
  assert(report.notes.some((note) => note.includes('nothing uses: "tools" in 1 row')));
});

Deno.test("sets on the hub are downloaded, by an entry with hf_hub_url or by their id; the commit is told and decides about the cache", async () => {
  const lines = (from: number, n = 2) => numberedRows(n, from).map((row) => JSON.stringify(row)).join("\n");
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

  const byId = await loadExamples(from(writtenInputs({}, { dataset: ["some/rows"] })));
  assertEquals(learntAnswers(byId.train), ["a0", "a1"]);
  const [told] = byId.report.notes;
  assertEquals(
    told,
    `some/rows is split train of the hub's revision main, commit ${COMMIT}: plain.jsonl, ${
      lines(0).length
    } bytes`,
  );
  assert(byId.report.notes.some((note) => note.includes("is read as formatting alpaca")));

  const entry = infoOf({ file_name: undefined, hf_hub_url: "some/rows", subset: "long", split: "test" });
  const written = writtenInputs({ "dataset_info.json": entry }, {
    dataset: ["d"],
    eval_dataset: ["some/rows"],
  });
  const both = await loadExamples(from(written));
  assertEquals([learntAnswers(both.train), learntAnswers(both.evaluation)], [["a10", "a11"], ["a0", "a1"]]);

  const { hub: asked, options, registry: plugins } = from(written);
  const opened = await DataSet.open(readDatasetInfo(options.dataset_dir), "d", {
    shape: "single",
    registry: plugins,
    hub: asked,
  });
  assertEquals(opened.entry.commit, COMMIT);
  const later = new DataSet(
    { ...opened.entry, commit: COMMIT.replace("0", "f") },
    "alpaca",
    "single",
    plugins,
  );
  assertNotEquals(cacheKey(written, [later]), cacheKey(written, [opened]));

  const gone = writtenInputs({ "dataset_info.json": infoOf() }, { dataset: ["some/gone"] });
  await assertRejects(() => loadExamples(from(gone)), RangeError, "there is no such data set");
  const misspelt = writtenInputs({ "dataset_info.json": infoOf() }, { dataset: ["some/rows.jsonl"] });
  await assertRejects(() => loadExamples(from(misspelt)), RangeError, "there is no such file");
});
