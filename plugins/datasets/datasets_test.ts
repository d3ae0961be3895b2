import { assert, assertEquals, assertThrows } from "@std/assert";

import type { Example } from "../kinds/dataset.ts";
import { aligned, caseNamed, CASES, convertAll, faultOfRow } from "./_golden_rows.ts";

/** Cases whose rows or texts differ on purpose: docs/datasets.md says why. */
const deviations = new Set([
  "alpaca_partial_columns_without_response",
  "alpaca_empty_columns_object",
  "alpaca_all_rows_invalid",
  "ranking_sharegpt_wrong_role",
  "sharegpt_unknown_role",
]);

Deno.test("dataset plugins give LLaMA-Factory's aligned rows (goldens, every case without an error there)", () => {
  let checked = 0;
  for (const c of CASES) {
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

Deno.test("columns that LLaMA-Factory would null are completed, with a note, where it would drop every row", () => {
  for (const name of ["alpaca_partial_columns_without_response", "alpaca_empty_columns_object"]) {
    const { rows, notes } = convertAll(caseNamed(name));
    assertEquals(aligned(rows[0] as Example)._prompt[0]!.content, "Add the numbers.\n1 and 2", name);
    assertEquals((rows[0] as Example).answers.y!.content, "3", name);
    assert(notes.some((note) => note.includes('response: "output"')), notes.join("\n"));
  }
});

Deno.test("what is an error in LLaMA-Factory is an error that names the fix, or works", () => {
  assertThrows(
    () => convertAll(caseNamed("alpaca_missing_column")),
    RangeError,
    'Cannot find column "question" (prompt)',
  );
  assertThrows(() => convertAll(caseNamed("ranking_data_in_sft")), RangeError, '"ranking": true');
  assertThrows(() => convertAll(caseNamed("sft_data_in_rm")), RangeError, 'add "ranking": true');
  assertEquals((convertAll(caseNamed("alpaca_no_input_key")).rows[0] as Example).answers.y!.content, "b");
  const openai = convertAll(caseNamed("openai_default_tags")).rows;
  assertEquals(openai.map((row) => "reason" in row), [false, false, true]);
});

Deno.test("a broken record is dropped with a reason and its field", () => {
  assertEquals(faultOfRow(convertAll(caseNamed("ranking_sharegpt_wrong_role")).rows[1]!), [
    "chosen is not an assistant's message",
    "chosen.from",
  ]);
  assertEquals(faultOfRow(convertAll(caseNamed("alpaca_output_null")).rows[0]!), [
    "response is missing",
    "output",
  ]);
  assertEquals(faultOfRow(convertAll(caseNamed("alpaca_output_number")).rows[0]!), [
    "response is not text",
    "output",
  ]);
  assertEquals(faultOfRow(convertAll(caseNamed("sharegpt_partial_tags")).rows[1]!), [
    "role is not one of the tags",
    "messages[0].role",
  ]);
  const counts = convertAll(caseNamed("sharegpt_default")).rows.map((row) =>
    "reason" in row ? row.reason : ""
  );
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
  assertEquals(faultOfRow(pair!), ["roles do not alternate (user first)", "conversations"]);
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
      .map(faultOfRow),
    [["y2 is not text", "y2"], ["roles do not alternate (user first)", "x1"], ["y1 is not one answer", "y1"]],
  );
});
