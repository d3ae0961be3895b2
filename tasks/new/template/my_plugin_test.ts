import assert from "node:assert/strict";

import { Registry, type Tokenizer } from "@dinotune/dinotune";
import plugin from "./my_plugin.ts";

const template = new Registry([plugin]).create("template", "my_plugin");

/** One id a character, and 0 for eos: what is special is seen. */
const characters = {
  encode: (text: string) => Array.from(text, (character) => character.codePointAt(0) ?? 0),
  decode: (ids: readonly number[]) => ids.map((id) => id === 0 ? "<eos>" : String.fromCodePoint(id)).join(""),
  specialIds: new Set([0]),
  idToToken: (id: number) => id === 0 ? "<eos>" : String.fromCodePoint(id),
  bosId: null,
  eosId: 0,
} as unknown as Tokenizer;

Deno.test("my_plugin: turns of a conversation; only answers are learnt", () => {
  const turns = template.encodeTurns(
    characters,
    {
      messages: [
        { role: "user", content: "Why?" },
        { role: "assistant", content: "So." },
        { role: "user", content: "Really?" },
        { role: "assistant", content: "Yes." },
      ],
      system: "Be brief.",
      tools: "",
    },
  );
  assert.deepEqual(
    turns.map(({ source, target }) => [characters.decode(source), characters.decode(target)]),
    [
      ["Be brief.\nQuestion: Why?\nAnswer: ", "So.<eos>"],
      ["Question: Really?\nAnswer: ", "Yes.<eos>"],
    ],
  );
});

Deno.test("my_plugin: a prompt is what training saw in front of an answer", () => {
  const prompt = template.encodePrompt(characters, {
    messages: [{ role: "user", content: "Why?" }],
    system: "",
    tools: "",
  });
  assert.equal(characters.decode(prompt), "Question: Why?\nAnswer: ");
});
