/** Answers as models of each family write them, in pieces of every size. */
import { assertEquals } from "@std/assert";

import { type AnswerPart, AnswerReader } from "./answer_reader.ts";
import { ANSWER_FORMATS, type AnswerFormat, answerFormatOf } from "./tool_formats.ts";
import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { prepareTokenizer } from "../../plugins/kinds/prepare_tokenizer.ts";

const MODEL = new URL("../../fixtures/constraints/model", import.meta.url).pathname;
const format = (name: AnswerFormat["name"]) => ANSWER_FORMATS.find((each) => each.name === name) ?? null;

/** Thought, said, calls. */
type Read = [thought: string, said: string, calls: [name: string, args: string][]];

function read(
  text: string,
  size: number,
  name: AnswerFormat["name"] | null,
  opened?: [string, string],
): Read {
  const reader = new AnswerReader([["<think>", "</think>"]], opened, name && format(name));
  const parts: AnswerPart[] = [];
  for (let from = 0; from < text.length; from += size) {
    parts.push(...reader.push(text.slice(from, from + size)));
  }
  parts.push(...reader.end());
  const texts = (type: string) =>
    parts.map((part) => part.type === type && "text" in part ? part.text : "").join("");
  const calls = parts.filter((part) => part.type === "call").map((
    { call },
  ): [string, string] => [call.name, call.arguments]);
  return [texts("reasoning"), texts("content"), calls];
}

// as written by the models' own templates: Qwen2.5 and Hermes 2 Pro; Mistral 7B v0.3 and Mistral Small 3.2; Llama 3.1 and 3.2
const CASES: [AnswerFormat["name"] | null, string, Read][] = [
  ["hermes", '<tool_call>\n{"name": "f", "arguments": {"x": 1.0}}\n</tool_call>', ["", "", [[
    "f",
    '{"x": 1.0}',
  ]]]],
  [
    "hermes",
    '<think>\nhm\n</think>\n\nLet me see.\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {"t": "<b>é"}}\n</tool_call>\n',
    ["hm", "Let me see.", [["f", "{}"], ["g", '{"t": "<b>é"}']]],
  ],
  ["hermes", "a < b <tool", ["", "a < b <tool", []]],
  ["hermes", "<tool_call>\n{broken\n</tool_call> and on", [
    "",
    "<tool_call>\n{broken\n</tool_call> and on",
    [],
  ]],
  ["hermes", '<tool_call>\n{"name": "f", "arg', ["", '<tool_call>\n{"name": "f", "arg', []]],
  ["hermes", '{"name": "f"}', ["", '{"name": "f"}', []]],
  ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {"a": [1, 2]}}]', ["", "", [["f", '{"a": [1, 2]}']]]],
  ["mistral", '[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}', ["", "", [["f", '{"a": 1}'], ["g", "{}"]]]],
  ["mistral", "Plain [TOOL", ["", "Plain [TOOL", []]],
  ["llama", '{"name": "f", "parameters": {"q": "x"}}', ["", "", [["f", '{"q": "x"}']]]],
  ["llama", '<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}', ["", "", [[
    "f",
    "{}",
  ], ["g", "{}"]]]],
  ["llama", '{"answer": 42}', ["", '{"answer": 42}', []]],
  ["llama", 'As JSON: {"name": "f"}', ["", 'As JSON: {"name": "f"}', []]],
  [null, '<think>a</think> <tool_call>{"name": "f"}</tool_call>', [
    "a",
    '<tool_call>{"name": "f"}</tool_call>',
    [],
  ]],
];

Deno.test("AnswerReader takes thoughts, words and calls apart, in pieces of any size", () => {
  for (const [name, text, expected] of CASES) {
    for (const size of [1, 2, 3, 7, 1000]) {
      assertEquals(read(text, size, name), expected, `${text} by ${size}`);
    }
  }
  assertEquals(read("hm</think>\nyes", 2, null, ["<think>", "</think>"]), ["hm", "yes", []]);
});

Deno.test("answerFormatOf() finds a template's format by what it writes", () => {
  const registry = builtinRegistry(), tokenizer = loadTokenizerSync(MODEL);
  const found = (name: string, jinja?: string) => {
    const template = registry.create("template", name);
    const given = jinja === undefined ? tokenizer : tokenizer.withChatTemplate(jinja);
    return answerFormatOf(template, prepareTokenizer(template, given).tokenizer)?.name ?? null;
  };
  assertEquals(["qwen", "llama3", "mistral", "auto", "chatml"].map((name) => found(name)), [
    "hermes",
    "llama",
    "mistral",
    null,
    null,
  ]);
  const own =
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}" +
    "{% for c in m.tool_calls or [] %}<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  assertEquals(found("auto", own), "hermes");
  assertEquals(found("auto", own.replaceAll("tool_call>", "other>")), null);
});
