/** Answers as models of each family write them, in pieces of every size. */
import { assertEquals } from "@std/assert";

import { type AnswerPart, callsOf, textOfParts } from "./answer_parts.ts";
import { AnswerReader } from "./answer_reader.ts";
import type { CallsToRead } from "./call_reader.ts";
import { ANSWER_FORMATS, type AnswerFormat, answerFormatOf } from "./tool_formats.ts";
import { MT19937 } from "../../../kernels/random/mt19937.ts";
import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { prepareTokenizer } from "../../../plugins/kinds/tokenizer/prepare_tokenizer.ts";

const MODEL = new URL("../../../fixtures/constraints/model", import.meta.url).pathname;
const OFFERED = new Set(["f", "g"]);
/** Calls of f and g in a format. */
function callsIn(name: AnswerFormat["name"] | null, once = false): CallsToRead | null {
  const format = ANSWER_FORMATS.find((each) => each.name === name);
  return format === undefined ? null : { format, offered: OFFERED, once };
}

/** Thought, said, calls. */
type Read = [thought: string, said: string, calls: [name: string, args: string][]];

function read(
  text: string,
  size: number,
  name: AnswerFormat["name"] | null,
  opened?: [string, string],
): Read {
  const reader = new AnswerReader([["<think>", "</think>"]], opened, callsIn(name));
  const parts: AnswerPart[] = [];
  for (let from = 0; from < text.length; from += size) {
    parts.push(...reader.push(text.slice(from, from + size)));
  }
  parts.push(...reader.end());
  const calls = callsOf(parts).map(({ name, arguments: given }): [string, string] => [name, given]);
  return [textOfParts(parts, "reasoning"), textOfParts(parts, "content"), calls];
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
  // white space and numbers as they are written, the name behind the arguments, arguments in a text of their own, the other member
  [
    "hermes",
    '<tool_call>{"name":"f","arguments":{ "x":1e5,\n"y" : [1,{"z":"\\"}"}] }}</tool_call>',
    ["", "", [["f", '{ "x":1e5,\n"y" : [1,{"z":"\\"}"}] }']]],
  ],
  ["hermes", '<tool_call>{"arguments": {"x": 1}, "id": 5, "name": "f"}</tool_call>', ["", "", [[
    "f",
    '{"x": 1}',
  ]]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": "{\\"x\\": 1}"}</tool_call>', ["", "", [[
    "f",
    '{"x": 1}',
  ]]]],
  ["hermes", '<tool_call>{"name": "f", "parameters": {"x": 1}}</tool_call>', ["", "", [["f", '{"x": 1}']]]],
  ["hermes", '<tool_call>{"name": "f"}</tool_call>', ["", "", [["f", "{}"]]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {}, "why": "a, b"}</tool_call>So', ["", "So", [[
    "f",
    "{}",
  ]]]],
  // no call
  ["hermes", '<tool_call>{"name": "f", "arguments": "x"}</tool_call>', [
    "",
    '<tool_call>{"name": "f", "arguments": "x"}</tool_call>',
    [],
  ]],
  ["hermes", '<tool_call>{"name": 5, "arguments": {}}</tool_call>', [
    "",
    '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
    [],
  ]],
  ["hermes", '<tool_call>{"name": f, "arguments": {}}</tool_call>', [
    "",
    '<tool_call>{"name": f, "arguments": {}}</tool_call>',
    [],
  ]],
  // a call from its arguments' bracket on: cut, written wrongly, with too many brackets or without the mark behind it
  ["hermes", '<tool_call>\n{"name": "f", "arguments": {"x": "a', ["", "", [["f", '{"x": "a']]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {"x": oops}}</tool_call>', ["", "", [[
    "f",
    '{"x": oops}',
  ]]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {"x": 1</tool_call> so', ["", " so", [["f", '{"x": 1']]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {"x": "1}}\n</tool_call>', ["", "", [[
    "f",
    '{"x": "1}}\n',
  ]]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {}}}</tool_call>', ["", "}", [["f", "{}"]]]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {}}\n<tool_call>{"name": "g", "arguments": {}}', [
    "",
    "",
    [[
      "f",
      "{}",
    ], ["g", "{}"]],
  ]],
  ["hermes", '<tool_call>{"name": "f", "arguments": {"x": 1</tool_c', ["", "", [["f", '{"x": 1']]]],
  // members behind the arguments say nothing, whole or cut
  ["hermes", '<tool_call>{"name": "f", "arguments": {}, "id": 5', ["", "", [["f", "{}"]]]],
  ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {}, "id": "a1', ["", "", [["f", "{}"]]]],
  ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {}, "id": 5}, {"name": "g"', ["", ', {"name": "g"', [[
    "f",
    "{}",
  ]]]],
  ["llama", '{"name": "f", "parameters": {}, "why": {"a": [1', ["", "", [["f", "{}"]]]],
  // the mark within a text is the text's
  ["hermes", '<tool_call>{"name": "f", "arguments": {"t": "</tool_call>"}}</tool_call>', ["", "", [[
    "f",
    '{"t": "</tool_call>"}',
  ]]]],
  ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {"a": [1, 2]}}]', ["", "", [["f", '{"a": [1, 2]}']]]],
  ["mistral", '[TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}', ["", "", [["f", '{"a": 1}'], ["g", "{}"]]]],
  ["mistral", "Plain [TOOL", ["", "Plain [TOOL", []]],
  ["llama", '{"name": "f", "parameters": {"q": "x"}}', ["", "", [["f", '{"q": "x"}']]]],
  ["llama", '<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g", "parameters": {}}', ["", "", [[
    "f",
    "{}",
  ], ["g", "{}"]]]],
  ["mistral", '[TOOL_CALLS]f[CALL_ID]a1b2c3d4e[ARGS]{"a": 1}', ["", "", [["f", '{"a": 1}']]]],
  ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": {}}, {"arguments": {"b": [{}]}, "name": "g"}] Done', [
    "",
    " Done",
    [["f", "{}"], ["g", '{"b": [{}]}']],
  ]],
  ["mistral", "[TOOL_CALLS] are what I write, {see}", ["", "[TOOL_CALLS] are what I write, {see}", []]],
  ["llama", '[{"name": "f", "parameters": {}}, {"name": "g", "parameters": {}}]', ["", "", [["f", "{}"], [
    "g",
    "{}",
  ]]]],
  ["llama", '{"type": "function", "name": "f", "parameters": {"q": "}"}}', ["", "", [["f", '{"q": "}"}']]]],
  ["llama", '{"name": "f", "parameters": {"q": 1}} as you said', ["", "as you said", [["f", '{"q": 1}']]]],
  ["llama", '{"name": "f", "parameters": {}};{<a>', ["", ";{<a>", [["f", "{}"]]]],
  ["llama", '{"name": "Ada", "born": 1815}', ["", '{"name": "Ada", "born": 1815}', []]],
  ["llama", '{"name": "Ada"}', ["", '{"name": "Ada"}', []]],
  ["llama", '{"name": "Ada", "id": 5}', ["", '{"name": "Ada", "id": 5}', []]],
  ["llama", '[{"name": "Ada"}, {"name": "Bo"}]', ["", '[{"name": "Ada"}, {"name": "Bo"}]', []]],
  ["llama", '<|python_tag|>{"name": "f"}', ["", "", [["f", "{}"]]]],
  ["llama", '{"name": "f", "parameters": null}', ["", "", [["f", "{}"]]]],
  // JSON of a name that isn't a tool's is said; behind a mark it is a call, of a tool that isn't there
  ["llama", '{"name": "Ada", "parameters": {"born": 1815}}', [
    "",
    '{"name": "Ada", "parameters": {"born": 1815}}',
    [],
  ]],
  ["llama", '{"parameters": {"born": 1815}, "name": "Ada"}', [
    "",
    '{"parameters": {"born": 1815}, "name": "Ada"}',
    [],
  ]],
  ["llama", '[{"name": "f", "parameters": {}}, {"name": "Ada", "parameters": {}}]', [
    "",
    ', {"name": "Ada", "parameters": {}}]',
    [["f", "{}"]],
  ]],
  ["llama", '<|python_tag|>{"name": "Ada", "parameters": {}}', ["", "", [["Ada", "{}"]]]],
  ["hermes", '<tool_call>{"name": "Ada", "arguments": {}}</tool_call>', ["", "", [["Ada", "{}"]]]],
  ["llama", '{"answer": 42}', ["", '{"answer": 42}', []]],
  ["llama", "[1] is a note", ["", "[1] is a note", []]],
  ["llama", '<|python_tag|>search.call(query="x")', ["", '<|python_tag|>search.call(query="x")', []]],
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

Deno.test("AnswerReader reads the same from pieces of any size, of texts made of calls' parts by chance", () => {
  const bits = [
    "<tool_call>",
    "</tool_call>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "<|python_tag|>",
    "<think>",
    "</think>",
    "</tool",
  ];
  bits.push(
    ...'\n {}[]"\\:,;<1',
    '"name"',
    '"arguments"',
    '"f"',
    '{"name": "f", "arguments": {',
    '"parameters": {"a": 1}',
    "é😀",
  );
  const random = new MT19937(1);
  const drawn = (below: number) => random.next() % below;
  for (let i = 0; i < 3000; i++) {
    const text = Array.from({ length: 1 + drawn(14) }, () => bits[drawn(bits.length)]).join("");
    for (const { name } of ANSWER_FORMATS) {
      const whole = read(text, 1000, name);
      for (const size of [1, 5]) assertEquals(read(text, size, name), whole, `${text} by ${size} as ${name}`);
    }
  }
});

Deno.test("a call's name comes with its arguments' bracket, and the arguments as they are written", () => {
  const texts: [AnswerFormat["name"], head: string, behind: string][] = [
    ["hermes", 'Look.\n<tool_call>\n{"name": "f", "arguments": ', "}\n</tool_call>"],
    ["mistral", '[TOOL_CALLS] [{"name": "f", "arguments": ', "}]"],
    ["mistral", "[TOOL_CALLS]f[ARGS]", ""],
    ["llama", '{"name": "f", "parameters": ', "}"],
  ];
  for (const [name, head, behind] of texts) {
    const reader = new AnswerReader([], undefined, callsIn(name));
    const isCall = ({ type }: AnswerPart) => type !== "content";
    const push = (text: string) => reader.push(text).filter(isCall);
    assertEquals(push(head), [], head);
    assertEquals(push('{"'), [{ type: "call", name: "f" }, { type: "arguments", text: '{"' }], head);
    assertEquals(push('a": "b'), [{ type: "arguments", text: 'a": "b' }]);
    assertEquals(push(' c"}' + behind), [{ type: "arguments", text: ' c"}' }, { type: "called" }]);
    assertEquals(reader.end(), []);
  }
  // JSON that is no call is said as soon as a member shows it
  const said = new AnswerReader([], undefined, callsIn("llama"));
  assertEquals([...said.push('{"name": "f", "bo'), ...said.push('rn": ')], [
    { type: "content", text: '{"name": "f", "born"' },
    { type: "content", text: ":" },
  ]);
  // and as soon as its name does
  const other = new AnswerReader([], undefined, callsIn("llama"));
  assertEquals([...other.push('{"name": "A'), ...other.push('da", ')], [
    { type: "content", text: '{"name": "Ada",' },
  ]);
});

Deno.test("calls behind the first are left out where one is wanted, in pieces too", () => {
  const text = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>\n' +
    '<tool_call>{"name": "g", "arguments": {"b": 2}}</tool_call>';
  const reader = new AnswerReader([], undefined, callsIn("hermes", true));
  const parts = [...[...text].flatMap((character) => reader.push(character)), ...reader.end()];
  assertEquals([callsOf(parts), textOfParts(parts, "content")], [[{ name: "f", arguments: '{"a": 1}' }], ""]);
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
