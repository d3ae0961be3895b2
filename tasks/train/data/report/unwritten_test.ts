import { assertEquals } from "@std/assert";

import { loadTokenizerSync } from "../../../../formats/tokenizer/mod.ts";
import type { Example, Message } from "../../../../plugins/kinds/dataset.ts";
import { Registry } from "../../../../plugins/registry.ts";
import { templates } from "../../../../plugins/templates/mod.ts";
import { UnwrittenParts } from "./unwritten.ts";

const bare = loadTokenizerSync(
  new URL("../../../../fixtures/goldens/tokenizers/tiny", import.meta.url).pathname,
);

/** Writes the contents alone, as the templates of small chat models do. */
const PLAIN =
  "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

function example(answer: Message, tools = ""): Example {
  return {
    source: { file: "a.jsonl", row: 0 },
    shape: "single",
    system: "",
    tools,
    prompts: { x: [{ role: "user", content: "q" }] },
    answers: { y: answer },
  };
}

const EXAMPLES: Example[] = [
  example({ role: "assistant", content: "a" }),
  example({ role: "assistant", content: "a", thought: "t" }),
  example({ role: "assistant", content: "a", thought: "t" }, '[{"name": "f"}]'),
  example({ role: "function", content: '[{"name": "f", "arguments": {}}]', said: "s" }),
];

function notes(template: string, chatTemplate: string): string[] {
  const unwritten = new UnwrittenParts(
    new Registry(templates).create("template", template, {}),
    bare.withChatTemplate(chatTemplate),
  );
  for (const one of EXAMPLES) unwritten.see(one);
  return unwritten.notes().map((note) => note.split(":")[0]!);
}

Deno.test("UnwrittenParts counts what the model's own chat template leaves out of rows", () => {
  assertEquals(notes("auto", PLAIN), [
    "2 rows have thoughts that aren't learnt",
    "1 row has tool calls that aren't learnt",
    "1 row has tools that aren't learnt",
  ]);
  const more = "{{ tools|tojson }}" +
    PLAIN.replace(
      "{{ m.content }}",
      "{{ m.reasoning_content }}{{ m.tool_calls|d('')|string if m.tool_calls else m.content }}",
    );
  assertEquals(notes("auto", more), ["1 row has words beside tool calls that aren't learnt"]);
  assertEquals(notes("qwen", PLAIN), []);
});

Deno.test("UnwrittenParts counts variables that the template doesn't read, each by its name", () => {
  const notes = (template: string) => {
    const tokenizer = bare.withChatTemplate(`{{ mood }}${PLAIN}`);
    const unwritten = new UnwrittenParts(new Registry(templates).create("template", template, {}), tokenizer);
    const row = example({ role: "assistant", content: "a" });
    for (const variables of ['{"mood": "x"}', '{"mood": 1, "moo": 2}', '{"mood": null}']) {
      unwritten.see({ ...row, variables });
    }
    return unwritten.notes();
  };
  assertEquals(notes("auto"), [
    "1 row has chat_template_kwargs.moo, which the model's own chat template doesn't name: check its spelling, or take it out of the rows",
  ]);
  assertEquals(notes("qwen").map((note) => note.split(":")[0]), [
    "2 rows have chat_template_kwargs.mood, which template qwen doesn't read",
    "1 row has chat_template_kwargs.moo, which template qwen doesn't read",
  ]);
});
