import { assertEquals } from "@std/assert";

import type { Example } from "../kinds/dataset.ts";
import { CASES, convertAll, faultOfRow } from "./_golden_rows.ts";

Deno.test("openai adds nothing to the system text unless asked for", () => {
  const c = CASES.find((x: { name: string }) => x.name === "openai_tags");
  const { rows } = convertAll(c);
  assertEquals((rows[0] as Example).system, "You are terse.");
  assertEquals((rows[1] as Example).system, "");
});

Deno.test("openai's detailed_thinking_off: what OpenAIDatasetConverter of LLaMA-Factory 0.9.5 makes of the system text", () => {
  const c = CASES.find((x: { name: string }) => x.name === "openai_tags");
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
  assertEquals(faultOfRow(set([{ messages: image }])[0]!), [
    "content has parts that are not text",
    "messages[0].content[0]",
  ]);
});
