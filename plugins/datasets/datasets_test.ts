import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../tests/helpers/any_character.ts";

import { datasetGolden } from "../../tests/helpers/dataset_goldens.ts";
import { openDataSet } from "../../tests/helpers/open_data_set.ts";
import type { Dropped, Example, ExampleShape, Message } from "../kinds/dataset.ts";
import { datasets } from "./mod.ts";
import { Registry } from "../registry.ts";

const cases = datasetGolden("datasets.json").cases;
const shapes: Record<string, ExampleShape> = { sft: "single", ppo: "text", rm: "pair", kto: "kto" };

/** Cases whose rows or texts differ on purpose: docs/datasets.md says why. */
const deviations = new Set([
  "alpaca_partial_columns_without_response",
  "alpaca_empty_columns_object",
  "alpaca_all_rows_invalid",
  "ranking_sharegpt_wrong_role",
  "sharegpt_unknown_role",
]);

/** Runs a golden case through its plugin. */
// deno-lint-ignore no-explicit-any -- golden
function convertAll(c: any, options: Record<string, unknown> = {}, shape = shapes[c.stage]!) {
  const info = c.dataset_info;
  const { convert, notes } = openDataSet(info.formatting ?? "alpaca", shape, c.rows.flatMap(Object.keys), {
    ranking: info.ranking ?? false,
    columns: info.columns ?? null,
    tags: info.tags ?? null,
    options,
  });
  return { rows: c.rows.map(convert) as (Example | Dropped)[], notes };
}

const lf = (m: Message) => ({ content: m.content, role: m.role === "tool" ? "observation" : m.role });

/** An example as LLaMA-Factory's aligned row. */
function aligned(example: Example) {
  const empty = { content: "", role: "assistant" };
  const { answers: a, desirable } = example;
  const response = example.shape === "pair"
    ? [lf(a.chosen!), lf(a.rejected!)]
    : example.shape === "kto"
    ? desirable ? [lf(a.y!), empty] : [empty, lf(a.y!)]
    : [lf(a.y!)];
  return {
    _prompt: (example.prompts.x ?? []).map(lf),
    _response: response,
    _system: example.system,
    _tools: example.tools,
  };
}

Deno.test("dataset plugins give LLaMA-Factory's aligned rows (goldens, every case without an error there)", () => {
  let checked = 0;
  for (const c of cases) {
    if (c.error || c.stage === "ppo" || deviations.has(c.name) || c.name === "iopo_row_is_not_known") {
      continue;
    }
    if (c.name === "num_samples_more_than_rows") continue; // drawn rows: load_test.ts
    const rows = c.args.max_samples ? c.rows.slice(0, c.args.max_samples) : c.rows;
    const got = convertAll(
      { ...c, rows },
      c.dataset_info.formatting === "openai" ? { detailed_thinking_off: true } : {},
    );
    got.rows.forEach((row, i) => {
      const expected = c.aligned[i];
      if ("reason" in row) assertEquals(expected._response, [], `${c.name} row ${i}: ${row.reason}`);
      else assertEquals(aligned(row), { _system: "", _tools: "", ...expected }, `${c.name} row ${i}`);
    });
    assertEquals(got.rows.length, c.aligned.length, c.name);
    checked++;
  }
  assertEquals(checked, 65);
});

Deno.test("openai adds nothing to the system text unless asked for", () => {
  const c = cases.find((x: { name: string }) => x.name === "openai_tags");
  const { rows } = convertAll(c);
  assertEquals((rows[0] as Example).system, "You are terse.");
  assertEquals((rows[1] as Example).system, "");
});

Deno.test("openai's detailed_thinking_off: what OpenAIDatasetConverter of LLaMA-Factory 0.9.5 makes of the system text", () => {
  const c = cases.find((x: { name: string }) => x.name === "openai_tags");
  const turns = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }];
  const system = (content: string) => [{ role: "system", content }, ...turns];
  const info = { ...c.dataset_info, columns: { messages: "messages", tools: "tools" } };
  const rows = [
    { messages: system("Be terse."), tools: "" },
    { messages: turns, tools: "" },
    { messages: system("detailed thinking on"), tools: "" },
    { messages: system("Be terse."), tools: "[]" },
    { messages: system("detailed thinking off"), tools: "[]" },
    { messages: turns, tools: "[]" },
  ];
  const got = convertAll({ ...c, dataset_info: info, rows }, { detailed_thinking_off: true });
  assertEquals(got.rows.map((row) => (row as Example).system), [
    "Be terse.\ndetailed thinking off",
    "detailed thinking off",
    "detailed thinking on",
    "Be terse.\n",
    "detailed thinking off\n",
    "",
  ]);
});

const named = (name: string) => cases.find((x: { name: string }) => x.name === name);
const fault = (row: Example | Dropped) => "reason" in row ? [row.reason, row.field] : row;

Deno.test("columns that LLaMA-Factory would null are completed, with a note, where it would drop every row", () => {
  for (const name of ["alpaca_partial_columns_without_response", "alpaca_empty_columns_object"]) {
    const { rows, notes } = convertAll(named(name));
    assertEquals(aligned(rows[0] as Example)._prompt[0]!.content, "Add the numbers.\n1 and 2", name);
    assertEquals((rows[0] as Example).answers.y!.content, "3", name);
    assert(notes.some((note) => note.includes('response: "output"')), notes.join("\n"));
  }
});

Deno.test("what is an error in LLaMA-Factory is an error that names the fix, or works", () => {
  assertThrows(
    () => convertAll(named("alpaca_missing_column")),
    RangeError,
    'Cannot find column "question" (prompt)',
  );
  assertThrows(() => convertAll(named("ranking_data_in_sft")), RangeError, '"ranking": true');
  assertThrows(() => convertAll(named("sft_data_in_rm")), RangeError, 'add "ranking": true');
  assertEquals((convertAll(named("alpaca_no_input_key")).rows[0] as Example).answers.y!.content, "b");
  const openai = convertAll(named("openai_default_tags")).rows;
  assertEquals(openai.map((row) => "reason" in row), [false, false, true]);
});

Deno.test("a broken record is dropped with a reason and its field", () => {
  assertEquals(fault(convertAll(named("ranking_sharegpt_wrong_role")).rows[1]!), [
    "chosen is not an assistant's message",
    "chosen.from",
  ]);
  assertEquals(fault(convertAll(named("alpaca_output_null")).rows[0]!), ["response is missing", "output"]);
  assertEquals(fault(convertAll(named("alpaca_output_number")).rows[0]!), ["response is not text", "output"]);
  assertEquals(fault(convertAll(named("sharegpt_partial_tags")).rows[1]!), [
    "role is not one of the tags",
    "messages[0].role",
  ]);
  const counts = convertAll(named("sharegpt_default")).rows.map((row) => "reason" in row ? row.reason : "");
  assertEquals(counts.slice(3), [
    "messages do not end with an answer",
    "roles do not alternate (user first)",
    "roles do not alternate (user first)",
    "messages are empty",
  ]);
});

Deno.test("the IOPO authors' record gives two prompts and the answers that fit them", () => {
  // dataset_info.json and record in the layout of the authors' repository (texts shortened)
  const turns = [{ from: "human", value: "x1\n" }, { from: "human", value: "x2\n" }];
  const rows = [{
    conversations: turns,
    chosen: { from: "gpt", value: "y1" },
    rejected: { from: "gpt", value: "y2" },
  }];
  const columns = { messages: "conversations", chosen: "chosen", rejected: "rejected" };
  for (const formatting of ["sharegpt", "iopo"]) {
    const info = { ranking: true, formatting, columns };
    const [row] = convertAll({ name: "iopo", stage: "", dataset_info: info, rows }, {}, "iopo")
      .rows as Example[];
    assertEquals(row!.prompts, {
      x1: [{ role: "user", content: "x1\n" }],
      x2: [{ role: "user", content: "x2\n" }],
    });
    assertEquals(row!.answers, {
      y1: { role: "assistant", content: "y1" },
      y2: { role: "assistant", content: "y2" },
    });
  }
  // the same set in stage dpo: no alternation of roles, so no pair
  const info = { ranking: true, formatting: "sharegpt", columns };
  const [pair] = convertAll({ name: "iopo", stage: "rm", dataset_info: info, rows }).rows;
  assertEquals(fault(pair!), ["roles do not alternate (user first)", "conversations"]);
  // halves with several turns, and a system message in front
  const long = [
    { from: "system", value: "s" },
    ...["a", "b", "c", "d", "e", "f"].map((value, i) => ({ from: i % 3 === 1 ? "gpt" : "human", value })),
  ];
  const got = convertAll(
    { name: "iopo", stage: "", dataset_info: info, rows: [{ ...rows[0], conversations: long }] },
    {},
    "iopo",
  ).rows[0] as Example;
  assertEquals(got.system, "s");
  assertEquals(got.prompts.x1!.map((m) => m.content), ["a", "b", "c"]);
  assertEquals(got.prompts.x2!.map((m) => m.content), ["d", "e", "f"]);
});

Deno.test("quads takes texts and messages", () => {
  const one = { x1: "a", y1: "b", x2: "c", y2: "d", system: "s" };
  const m = (role: string, content: string) => ({ role, content });
  const two = {
    x1: [m("system", "t"), m("user", "a")],
    y1: m("assistant", "b"),
    x2: [m("user", "c")],
    y2: [m("assistant", "d")],
  };
  const rows = convertAll(
    { name: "q", stage: "", dataset_info: { formatting: "quads" }, rows: [one, two] },
    {},
    "iopo",
  )
    .rows as Example[];
  assertEquals(rows.map((row) => row.system), ["s", "t"]);
  for (const row of rows) {
    assertEquals([row.prompts.x1![0]!.content, row.answers.y1!.content], ["a", "b"]);
    assertEquals([row.prompts.x2![0]!.content, row.answers.y2!.content], ["c", "d"]);
  }
  const bad = [{ ...one, y2: 3 }, { ...one, x1: [m("user", "a"), m("user", "b")] }, { ...one, y1: [] }];
  assertEquals(
    convertAll({ name: "q", stage: "", dataset_info: { formatting: "quads" }, rows: bad }, {}, "iopo").rows
      .map(fault),
    [["y2 is not text", "y2"], ["roles do not alternate (user first)", "x1"], ["y1 is not one answer", "y1"]],
  );
});

Deno.test("openai: a thought, words beside calls and further fields are kept, null ones left out", () => {
  const messages = [
    { role: "user", content: "a", name: "Ada" },
    {
      role: "assistant",
      content: "Wait.",
      refusal: null,
      reasoning: "hm",
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: '{"x":1.0}' } }],
    },
    { role: "tool", content: "2", tool_call_id: "1" },
    { role: "assistant", content: "b", reasoning_content: "so", thinking: null },
  ];
  const rows =
    convertAll({ name: "o", stage: "sft", dataset_info: { formatting: "openai" }, rows: [{ messages }] })
      .rows;
  const { prompts, answers } = rows[0] as Example;
  assertEquals([...prompts.x!, answers.y!], [
    { role: "user", content: "a", fields: '{"name": "Ada"}' },
    {
      role: "function",
      content: '[{"name": "f", "arguments": {"x": 1.0}}]',
      said: "Wait.",
      thought: "hm",
      fields:
        '{"reasoning": "hm", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1.0}}}]}',
    },
    { role: "tool", content: "2", fields: '{"tool_call_id": "1"}' },
    { role: "assistant", content: "b", thought: "so", fields: '{"reasoning_content": "so"}' },
  ]);
});

Deno.test("developer is the system by another name, where the entry doesn't name the system otherwise", () => {
  const messages = [["developer", "s"], ["user", "q"], ["assistant", "a"]].map(([role, content]) => ({
    role,
    content,
  }));
  const converted = (tags: Record<string, string>) =>
    convertAll({
      name: "o",
      stage: "sft",
      dataset_info: { formatting: "openai", tags },
      rows: [{ messages }],
    }).rows[0]!;
  const row = converted({});
  assertEquals("reason" in row ? row.reason : row.system, "s");
  const named = converted({ system_tag: "setup" });
  assertEquals("reason" in named && named.reason, "role is not one of the tags");
});

Deno.test("openai: tool calls, results in a row, parts, null content", () => {
  const call = { id: "1", type: "function", function: { name: "add", arguments: '{"a": 1}' } };
  const messages = [
    { role: "user", content: [{ type: "text", text: "1+" }, { type: "text", text: "1?" }] },
    { role: "assistant", content: null, tool_calls: [call, call] },
    { role: "tool", content: "2" },
    { role: "tool", content: "3" },
    { role: "assistant", content: "2 or 3" },
  ];
  const set = (rows: unknown[]) =>
    convertAll({ name: "o", stage: "sft", dataset_info: { formatting: "openai" }, rows }).rows;
  const [row] = set([{ messages }]) as Example[];
  // LLaMA-Factory writes arguments that are text as a text within the call; here they are read once
  const one = '{"name": "add", "arguments": {"a": 1}}';
  const raw = `{"id": "1", "type": "function", "function": ${one}}`;
  assertEquals(row!.prompts.x, [
    { role: "user", content: "1+1?" },
    { role: "function", content: `[${one}, ${one}]`, fields: `{"tool_calls": [${raw}, ${raw}]}` },
    {
      role: "tool",
      content: "2\n</tool_response>\n<tool_response>\n3",
      results: [{ role: "tool", content: "2" }, { role: "tool", content: "3" }],
    },
  ]);
  // LLaMA-Factory never gets to put results at the very end into a turn
  const [cut] = set([{ messages: messages.slice(0, 4) }]) as Example[];
  assertEquals([cut!.prompts.x!.length, cut!.answers.y!.role], [1, "function"]);
  const image = [{ role: "user", content: [{ type: "image_url" }] }, messages[4]];
  assertEquals(fault(set([{ messages: image }])[0]!), [
    "content has parts that are not text",
    "messages[0].content[0]",
  ]);
});

/** Values that a careless export may hold, broken Unicode and deep nesting among them. */
const anything = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: anyCharacter }) },
  fc.string({ unit: "grapheme" }).map((s) => s + "\ud800"),
  fc.constantFrom(
    "x".repeat(10_000_001),
    "",
    " ",
    "true",
    "False",
    "gpt",
    "human",
    "user",
    "assistant",
    "system",
  ),
  fc.anything({ maxDepth: 3, withBigInt: true, withNullPrototype: true }),
  fc.integer({ min: 1000, max: 20_000 }).map((depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth))),
);
const message = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      from: fc.constantFrom("human", "gpt", "system", "observation"),
      value: fc.string(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      role: fc.constantFrom("user", "assistant", "system", "tool"),
      content: fc.string(),
    }),
  },
  fc.record({
    from: anything,
    value: anything,
    role: anything,
    content: anything,
    tool_calls: fc.array(anything),
  }),
  anything,
);
const messages = fc.oneof(fc.array(message, { maxLength: 6 }), anything);
const field = fc.oneof({ weight: 3, arbitrary: fc.string() }, anything);
const record = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      ...{
        instruction: field,
        input: field,
        output: field,
        history: fc.oneof(messages, fc.array(fc.array(field))),
      },
      ...{
        conversations: messages,
        messages,
        chosen: fc.oneof(field, message),
        rejected: fc.oneof(field, message),
      },
      ...{
        x1: fc.oneof(field, messages),
        y1: field,
        x2: fc.oneof(field, messages),
        y2: fc.oneof(field, message),
      },
      ...{ system: field, tools: anything, kto_tag: fc.oneof(fc.boolean(), anything) },
    }, { requiredKeys: [] }),
  },
  anything,
);

Deno.test("any record: an example of the shape asked for with well-formed texts, or a reason; never a crash", () => {
  const seen = { used: 0, dropped: 0 };
  fc.assert(
    fc.property(record, fc.boolean(), (row, off) => {
      for (const plugin of datasets) {
        const options = plugin.name === "openai" ? { detailed_thinking_off: off } : {};
        const dataset = new Registry(datasets).create("dataset", plugin.name, options);
        for (const shape of dataset.shapes) {
          const columns = {
            ...dataset.defaults.columns,
            ...dataset.required(shape),
            system: "system",
            tools: "tools",
          };
          const attributes = {
            name: "d",
            ranking: false,
            shape,
            columns,
            tags: { ...dataset.defaults.tags },
          };
          const got = dataset.convert(row, attributes, { file: "f", row: 1 });
          assertEquals(got.source, { file: "f", row: 1 });
          if ("reason" in got) {
            seen.dropped++;
            assert(got.reason.length > 3 && got.reason.length < 80);
            continue;
          }
          seen.used++;
          assertEquals(got.shape, shape);
          const all = [...Object.values(got.prompts).flat(), ...Object.values(got.answers)];
          for (const { content } of all) assert(content.isWellFormed() && content.length <= 10_000_000);
          const names = { text: "y", single: "y", kto: "y", pair: "chosen,rejected", iopo: "y1,y2" }[shape];
          assertEquals(Object.keys(got.answers).join(), names);
          if (shape === "kto") {
            assert(String((row as { kto_tag: unknown }).kto_tag).toLowerCase() === `${got.desirable}`);
          }
        }
      }
    }),
    { numRuns: 400, seed: 1 },
  );
  assert(seen.used > 100 && seen.dropped > 100, JSON.stringify(seen));
});
