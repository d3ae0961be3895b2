/** Rows of prompts with constraints, by hand. */
import { assertEquals } from "@std/assert";

import { Registry } from "../registry.ts";
import rows from "./rows.ts";

const dataset = new Registry([rows]).create("dataset", "rows");
const { columns, tags } = dataset.defaults;
const attributes = {
  name: "d",
  ranking: false,
  shape: "prompt" as const,
  columns: { ...columns },
  tags: { ...tags },
};
const convert = (record: unknown) => dataset.convert(record, attributes, { file: "f", row: 3 });
const rule = { id: "case:lower", kwargs: {} };

Deno.test("a row is its prompt, an answer that is still to be drawn, and what that is judged by", () => {
  const found = convert({
    id: 7,
    messages: [{ role: "system", content: "s" }, { role: "user", content: "q" }],
    constraints: ["short", { text: "lower", rule }],
    fields: { reference: "a" },
  });
  assertEquals(found, {
    source: { file: "f", row: 3 },
    shape: "prompt",
    system: "s",
    tools: "",
    prompts: { x: [{ role: "user", content: "q" }] },
    answers: { y: { role: "assistant", content: "" } },
    task: {
      id: "7",
      constraints: [{ text: "short", groups: {} }, { text: "lower", rule, groups: { rule: "case:lower" } }],
      groups: {},
      fields: { reference: "a" },
    },
  });
});

Deno.test("what isn't a row has a reason and its field", () => {
  const faults = [
    [{ constraints: [] }, "prompt is missing", "prompt"],
    [{ prompt: "q", messages: [] }, "record has messages beside prompt", "prompt"],
    [
      { messages: [{ role: "user", content: "q" }, { role: "assistant", content: "a" }] },
      "prompt does not end with a user's turn",
      "messages",
    ],
    [
      { prompt: "q", constraints: [{ text: "t", rule: "r" }] },
      "constraints are not a list of texts or of {text, rule: {id, kwargs}, groups}",
      "constraints",
    ],
    [{ prompt: "q", fields: { n: 3 } }, "fields are not a map of names to texts", "fields"],
  ] as const;
  for (const [record, reason, field] of faults) {
    assertEquals(convert(record), { source: { file: "f", row: 3 }, reason, field });
  }
});
