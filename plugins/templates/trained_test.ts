import { assert, assertEquals } from "@std/assert";

import { type EditableTokenizer, loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { prepareTokenizer } from "../kinds/tokenizer/prepare_tokenizer.ts";
import type { Message } from "../kinds/dataset.ts";
import type { Template } from "../kinds/template.ts";
import { Registry } from "../registry.ts";
import { templates } from "./mod.ts";
import { compileOwn, renderWith } from "./rendered.ts";
import { parsePyJson, type PyJson } from "../../formats/python_json.ts";

const bare = loadTokenizerSync(new URL("../../fixtures/goldens/tokenizers/tiny", import.meta.url).pathname);

function named(name: string, options: Record<string, unknown> = {}): Template {
  return new Registry(templates).create("template", name, options);
}

const call = (name: string, args: string) => `{"name": "${name}", "arguments": ${args}}`;
const TOOLS =
  '[{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", ' +
  '"properties": {"a": {"type": "string", "description": "é", "enum": ["x", "y"]}, "b": {"type": "array", "items": {"type": "int"}}, "of_other_rows": null}, ' +
  '"required": ["a"]}}}, {"name": "g", "description": "e"}]';

/** Conversations as the template encodes them, and as OpenAI's messages. */
const TALKS: { what: string; system: string; tools: string; messages: Message[] }[] = [
  {
    what: "one turn",
    system: "",
    tools: "",
    messages: [{ role: "user", content: "Hi 'a' \\n" }, { role: "assistant", content: "yo" }],
  },
  {
    what: "system text and two turns",
    system: 'Be "brief".',
    tools: "",
    messages: [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: "c\n" },
      { role: "assistant", content: "  d" },
    ],
  },
  {
    what: "tools",
    system: "",
    tools: TOOLS,
    messages: [
      { role: "user", content: "a" },
      { role: "function", content: `[${call("f", '{"a": 1.0}')}]` },
      {
        role: "tool",
        content: "2\n</tool_response>\n<tool_response>\n3",
        results: [{ role: "tool", content: "2" }, { role: "tool", content: "3" }],
      },
      { role: "assistant", content: "d" },
    ],
  },
  {
    what: "a thought",
    system: "",
    tools: "",
    messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b", thought: "\nhm" }],
  },
];

function rendered(tokenizer: EditableTokenizer, { system, tools, messages }: typeof TALKS[number]): number[] {
  const front = system === "" ? [] : [{ role: "system", content: system }];
  const shown = messages.flatMap((message) => message.results ?? [message]).map((message) =>
    message.role === "function" ? { role: "assistant", content: null, tool_calls: "CALLS" } : {
      role: message.role,
      content: message.content,
      ...(message.thought && { reasoning_content: message.thought }),
    }
  );
  const calls = messages.find(({ role }) => role === "function");
  const text = JSON.stringify([...front, ...shown]).replace(
    '"CALLS"',
    calls === undefined
      ? ""
      : calls.content.replaceAll(/\{"name.*\}(?=\])/g, (all) => `{"type": "function", "function": ${all}}`),
  );
  const variables = new Map<string, PyJson>([["messages", parsePyJson(text)]]);
  if (tools !== "") variables.set("tools", parsePyJson(tools));
  return tokenizer.encode(renderWith(compileOwn(tokenizer), tokenizer, "1 Jan 2000", variables), {
    special: true,
  });
}

for (const { name } of templates) {
  if (name === "auto") continue;
  Deno.test(`template ${name}: the saved chat template renders what is trained`, () => {
    for (
      const options of [{}, { default_system: "It's \\n" }, { enable_thinking: false }, {
        enable_thinking: null,
      }]
    ) {
      const template = named(name, options);
      // a model's own template that writes something else is there
      const { tokenizer } = prepareTokenizer(template, bare.withChatTemplate("{{ messages[0].content }}"));
      const saved = tokenizer.withChatTemplate(template.trainedJinja!(tokenizer));
      for (const talk of TALKS) {
        let turn;
        try {
          [turn] = template.encodeOneTurn!(tokenizer, {
            messages: talk.messages,
            system: talk.system,
            tools: talk.tools,
          });
        } catch (error) {
          assert(String(error).includes("no place"));
          continue;
        }
        const ids = [...turn!.source, ...turn!.target];
        assertEquals(
          rendered(saved, talk),
          ids,
          `${name} ${JSON.stringify(options)} ${talk.what}`,
        );
      }
    }
  });
}

/** Asks for everything that the options decide; begins with white space, which its first block takes away. */
const OWN =
  "  {%- set intro = 'x' %}\n  {% if messages[0].role == 'system' %}[{{ messages[0].content }}]{% endif %}\n" +
  "{{ strftime_now('%d %b %Y') }}|{{ strftime_now(\"%Y\") }}|{{ date_string }}\n" +
  "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<no>{% endif %}{% endif %}";

Deno.test("template auto: the saved chat template renders the options that were trained with, without any variable", () => {
  const tokenizer = bare.withChatTemplate(OWN);
  const messages: Message[] = [{ role: "user", content: "a" }];
  const day = { date: "5 Mar 2031" };
  for (
    const options of [day, { ...day, default_system: 'It\'s "so"\\\n' }, { ...day, enable_thinking: false }]
  ) {
    const template = named("auto", options);
    const saved = tokenizer.withChatTemplate(template.trainedJinja!(tokenizer));
    const shown = new Map<string, PyJson>([
      ["messages", parsePyJson(JSON.stringify(messages))],
      ["add_generation_prompt", true],
    ]);
    const ids = tokenizer.encode(renderWith(compileOwn(saved), saved, "1 Jan 2000", shown), {
      special: true,
    });
    assertEquals(ids, template.encodePrompt(tokenizer, { messages, system: "", tools: "" }));
    // read back by template auto with its own defaults, as the local endpoint does
    assertEquals(named("auto").encodePrompt(saved, { messages, system: "", tools: "" }), ids);
    assertEquals(
      named("auto").encodePrompt(saved, { messages, system: "S", tools: "" }),
      template.encodePrompt(tokenizer, { messages, system: "S", tools: "" }),
    );
  }
});

Deno.test("template auto: a chat template that the options don't touch is saved as it is", () => {
  const plain =
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if enable_thinking is defined and enable_thinking is false %}x{% endif %}";
  assertEquals(named("auto").trainedJinja!(bare.withChatTemplate(plain)), plain);
  // the model's own, with its tools, is saved where a named template writes the same
  const same =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}{# tools #}";
  assertEquals(named("qwen3_nothink").trainedJinja!(bare.withChatTemplate(same)), same);
});
