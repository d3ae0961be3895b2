import { assertEquals } from "@std/assert";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import fc from "fast-check";

import { loadTokenizerSync } from "./mod.ts";

const root = new URL("../../fixtures/goldens/tokenizers/", import.meta.url).pathname;

// another implementation of the same file; it has no way to leave special tokens as text
const UNITS = [
  ..."abEé1四 \n\t\r'sſ.,。_-▁<>|",
  "e\u0301",
  "  ",
  "\r\n",
  "'LL",
  "\u00a0",
  "\u0085",
  "\ufeff",
  "\u2028",
  "😀",
  "👨‍👩‍👧",
  "한글",
  "𠀀",
  "½",
  "<|im_end|>",
  "</s>",
];

for (const name of ["tiny", "tiny-gpt2", "tiny-sp"]) {
  Deno.test(`tokenizer ${name} gives the ids of @huggingface/tokenizers on random text`, () => {
    const read = (file: string) => JSON.parse(Deno.readTextFileSync(`${root}${name}/${file}`));
    const library = new Library(read("tokenizer.json"), read("tokenizer_config.json"));
    const tokenizer = loadTokenizerSync(`${root}${name}`);
    const text = fc.oneof(
      fc.array(fc.constantFrom(...UNITS), { maxLength: 40 }).map((list) => list.join("")),
      fc.string({ unit: "grapheme", maxLength: 40 }),
    );
    fc.assert(
      fc.property(text, (value) => {
        const want = value === "" ? [] : library.encode(value, { add_special_tokens: false }).ids;
        assertEquals(tokenizer.encode(value, { special: true }), want);
      }),
      { numRuns: 300 },
    );
  });
}
