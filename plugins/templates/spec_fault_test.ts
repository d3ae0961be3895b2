import { assertThrows } from "@std/assert";

import { EOS, templatePlugin } from "./mod.ts";

const spec = {
  name: "mine",
  description: "d",
  user: ["Q: {{content}}\nA: "],
  assistant: ["{{content}}", EOS],
};

Deno.test("a template whose slots have no place for a message, or whose fields nobody reads, is refused by name and value", () => {
  templatePlugin(spec);
  templatePlugin({ ...spec, prefix: ["<s>"], system: ["{{content}}\n"], thought: ["<think>", "</think>"] });
  for (
    const [change, said] of [
      [
        { user: ["Q: {{contents}}"] },
        'user of template mine as {{content}} as the only mark in a slot is needed: current value is ["Q: {{contents}}"]',
      ],
      [
        { user: ["Q: {{ content }}"] },
        "user of template mine as {{content}} as the only mark in a slot is needed",
      ],
      [
        { user: ["Q: {{content}} {{content}}"] },
        "user of template mine as {{content}} once in a slot at most is needed",
      ],
      [
        { assistant: [EOS] },
        'assistant of template mine as a slot with {{content}}, where the message stands, is needed: current value is ["EOS"]',
      ],
      [{ prefix: ["{{content}}"] }, "prefix of template mine as a list without {{content}} is needed"],
      [
        { user: "Q: {{content}}" },
        'user of template mine as a list of texts, BOS and EOS is needed: current value is "Q: {{content}}"',
      ],
      [
        { sytem: ["{{content}}"] },
        "is read (name, description, prefix, system, user, assistant, call, tool, ",
      ],
      [
        { sytem: ["{{content}}"] },
        'thought) is needed - did you mean "system"?: current value is ["{{content}}"]',
      ],
    ] as const
  ) assertThrows(() => templatePlugin({ ...spec, ...change } as never), TypeError, said);
});
