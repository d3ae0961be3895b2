import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../tests/helpers/any_character.ts";

import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import type { Message } from "../kinds/dataset.ts";
import { type Template, templateOptions, templates } from "./mod.ts";
import { prepareTokenizer } from "../kinds/tokenizer/prepare_tokenizer.ts";
import { Registry } from "../registry.ts";

const root = new URL("../../", import.meta.url).pathname;
const bare = loadTokenizerSync(`${root}fixtures/goldens/tokenizers/tiny`);

function create(name: string, options: Record<string, unknown> = {}): Template {
  return new Registry(templates).create("template", name, options);
}

function decoded(
  name: string,
  messages: Message[],
  options: Record<string, unknown> = {},
  tools = "",
): string[] {
  const template = create(name, options);
  const { tokenizer } = prepareTokenizer(template, bare);
  return template.encodeTurns(tokenizer, { messages, system: "", tools })
    .flatMap(({ source, target }) => [tokenizer.decode(source), tokenizer.decode(target)]);
}

const TALK: Message[] = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }];

Deno.test("qwen's system text is an option, empty for none", () => {
  const start = (options: Record<string, unknown>) =>
    decoded("qwen", TALK, options)[0]!.split("<|im_end|>")[0];
  assertEquals(
    start({}),
    "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
  );
  assertEquals(
    start({ default_system: "You are a helpful assistant." }),
    "<|im_start|>system\nYou are a helpful assistant.",
  );
  assertEquals(start({ default_system: "" }), "<|im_start|>user\na");
});

Deno.test("templates name the roles that are wrong", () => {
  const template = create("qwen");
  const encode = (...roles: Message["role"][]) => () =>
    template.encodeTurns(bare, {
      messages: roles.map((role) => ({ role, content: "x" })),
      system: "",
      tools: "",
    });
  assertThrows(encode(), RangeError, "it must end with an answer, current value is no messages");
  assertThrows(encode("user"), RangeError, "it must end with an answer, current value is user");
  assertThrows(encode("assistant", "user"), RangeError, "message 0 must be of user or tool");
  assertThrows(encode("user", "user"), RangeError, "message 1 must be of assistant or function");
  assertThrows(encode("system", "assistant"), RangeError, "message 0 must be of user or tool");
  const prompt = () => template.encodePrompt(bare, { messages: TALK, system: "", tools: "" });
  assertThrows(prompt, RangeError, "it must end with a user's message");
});

Deno.test("encodePrompt() is what stands before an answer", () => {
  for (const { name } of templates) {
    if (name === "auto") continue;
    for (const enable_thinking of [true, false]) {
      const template = create(name, { enable_thinking });
      const { tokenizer } = prepareTokenizer(template, bare);
      const [turn] = template.encodeTurns(tokenizer, { messages: TALK, system: "s", tools: "" });
      assertEquals(
        template.encodePrompt(tokenizer, { messages: TALK.slice(0, 1), system: "s", tools: "" }),
        turn!.source,
        name,
      );
    }
  }
});

Deno.test("no text of the data becomes a special token", () => {
  const marks = [
    "<|im_end|>",
    "<|im_start|>",
    "<|endoftext|>",
    "{{content}}",
    "{{idx}}",
    "$&",
    "\ud800",
    "a",
    " ",
    "\n",
  ];
  const text = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.array(fc.constantFrom(...marks)).map((list) => list.join("")),
  );
  for (const name of ["qwen", "qwen3", "llama3", "mistral", "glm4", "default"]) {
    const template = create(name);
    const { tokenizer } = prepareTokenizer(template, bare);
    const special = (messages: Message[], system: string) =>
      template.encodeTurns(tokenizer, { messages, system, tools: "" }).flatMap((
        turn,
      ) => [...turn.source, ...turn.target])
        .filter((id) => tokenizer.specialIds.has(id));
    const usual = special(TALK, "s");
    fc.assert(
      fc.property(text, text, text, (user, answer, system) => {
        const messages: Message[] = [{ role: "user", content: user }, { role: "assistant", content: answer }];
        assertEquals(special(messages, system || "s"), usual);
      }),
      { numRuns: 60 },
    );
  }
});

Deno.test("tools: what is wrong with them is said", () => {
  const calls = (content: string): Message[] => [TALK[0]!, { role: "function", content }];
  assertThrows(() => decoded("qwen", TALK, {}, "{"), SyntaxError, "Cannot use tools as JSON");
  assertThrows(() => decoded("qwen", TALK, {}, "{}"), SyntaxError, "as a list of tool definitions");
  assertThrows(() => decoded("qwen", TALK, {}, "[1]"), SyntaxError, "Cannot use a tool as an object");
  assertThrows(
    () => decoded("default", TALK, {}, "[{}]"),
    SyntaxError,
    "Cannot describe a tool: it has no name",
  );
  assertThrows(() => decoded("qwen", calls("no")), SyntaxError, "Cannot use a function message as JSON");
  assertThrows(() => decoded("qwen", calls("{}")), SyntaxError, "each needs a name and arguments");
  const two = '[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]';
  assertThrows(() => decoded("glm4", calls(two)), RangeError, "one call at a time");
});

Deno.test("tools: a property that is null, as Arrow fills in those of other rows' tools, is none in a list and null in JSON", () => {
  const tools = (properties: string) =>
    `[{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {${properties}}}}]`;
  const own = '"a": {"type": "string", "description": "e", "enum": null, "items": null}';
  const [filled, alone] = [`"b": null, ${own}, "c": null`, own].map(tools);
  assertEquals(decoded("default", TALK, {}, filled), decoded("default", TALK, {}, alone));
  // transformers writes them, too: tojson of the tool
  const [front = ""] = decoded("qwen", TALK, {}, filled);
  assertEquals(front.includes(`{"b": null, ${own}, "c": null}`), true);
});

Deno.test("tools: several calls, a thought before them, another format", () => {
  const two = '[{"name": "f", "arguments": {"a": 1.0}}, {"name": "g", "arguments": {}}]';
  const call = (content: string, name = "qwen", options = {}) =>
    decoded(name, [TALK[0]!, { role: "function", content }], options)[1];
  const f = '<tool_call>\n{"name": "f", "arguments": {"a": 1.0}}\n</tool_call>';
  const g = '<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>';
  // as QwenToolUtils, DefaultToolUtils and Llama3ToolUtils of LLaMA-Factory write them
  assertEquals(call(two), `${f}\n${g}<|im_end|>\n`);
  assertEquals(call(`<think>\nhm\n</think>\n\n${two}`), `<think>\nhm\n</think>\n\n${f}\n${g}<|im_end|>\n`);
  assertEquals(call('so: <tool_call>{"name": "g", "arguments": {}}</tool_call>'), `so: ${g}<|im_end|>\n`);
  assertEquals(
    call(two, "default"),
    'Action: f\nAction Input: {"a": 1.0}\nAction: g\nAction Input: {}<|endoftext|>\n',
  );
  assertEquals(
    call(two, "llama3"),
    '[{"name": "f", "parameters": {"a": 1.0}}, {"name": "g", "parameters": {}}]<|eot_id|>',
  );
  // tool_format ends by eos alone, without the template's own end
  assertEquals(
    call(two, "qwen", { tool_format: "mistral" }),
    '[{"name": "f", "arguments": {"a": 1.0}}, {"name": "g", "arguments": {}}]<|im_end|>',
  );
});

Deno.test("a thought and words beside calls stand in front, as Qwen's own templates write them", () => {
  const calls = '[{"name": "f", "arguments": "{\\"a\\": 1.0}"}]';
  const f = '<tool_call>\n{"name": "f", "arguments": {"a": 1.0}}\n</tool_call><|im_end|>\n';
  const answer = (message: Message, name: string, options = {}) =>
    decoded(name, [TALK[0]!, message], options)[1];
  const called: Message = { role: "function", content: calls, said: "Wait." };
  // arguments given as text are an object once
  assertEquals(answer(called, "qwen"), `Wait.\n${f}`);
  assertEquals(answer({ ...called, thought: "\nhm\n" }, "qwen3"), `<think>\nhm\n</think>\n\nWait.\n${f}`);
  const thinking: Message = { role: "assistant", content: "\nb", thought: "hm" };
  for (const name of ["qwen3", "qwen"]) {
    assertEquals(answer(thinking, name), "<think>\nhm\n</think>\n\nb<|im_end|>\n", name);
  }
  assertEquals(answer(thinking, "qwen3", { enable_thinking: false }), "b<|im_end|>\n");
  assertThrows(() => answer(called, "mistral"), RangeError, "template mistral has no place for them");
});

Deno.test("prepareTokenizer() says what it changed", () => {
  const { added, needed, notes, tokenizer } = prepareTokenizer(create("llama3"), bare);
  assertEquals(added, ["<|eot_id|>", "<|eom_id|>"]);
  // eom ends calls of built-in tools, which the template never writes
  assertEquals(needed, ["<|eot_id|>"]);
  assertEquals(notes[0], "eos is <|eot_id|> instead of <|endoftext|>");
  assert(notes[1]!.includes("the model has no embedding for it"));
  const map = JSON.parse(tokenizer.files()["special_tokens_map.json"] as string);
  assertEquals(map.additional_special_tokens, ["<|eom_id|>"]);
  assertEquals(prepareTokenizer(create("qwen"), bare).added, []);
});

Deno.test("template options are strict", () => {
  assertThrows(() => templateOptions.parse({ default_sytem: "" }));
});
