/** Tokens of answers as log-probabilities tell them. */
import { assertEquals } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { chatLogprob, textLogprobs } from "./logprobs.ts";

const TEXT = "Hello the é漢🙂 x  y";

for (const name of ["tiny", "tiny-gpt2", "tiny-sp"]) {
  Deno.test(`log-probabilities have every byte of a text, blanks and parts of characters too: ${name}`, () => {
    const tokenizer = loadTokenizerSync(
      new URL(`../../../fixtures/goldens/tokenizers/${name}`, import.meta.url).pathname,
    );
    const ids = tokenizer.encode(TEXT);
    const told = ids.map((id) => chatLogprob(tokenizer, { id, logprob: -1, top: [] }));
    const bytes = new Uint8Array(told.flatMap((each) => each.bytes));
    // SentencePiece begins a text with a blank that is none
    assertEquals(new TextDecoder().decode(bytes).replace(/^ /, ""), TEXT);
    const emoji = told.map(({ token }) => token).join("");
    assertEquals(emoji.includes("\uFFFD"), false);
    assertEquals(emoji.includes(String.raw`\xf0\x9f\x99\x82`), true);
    const { tokens, text_offset } = textLogprobs(
      tokenizer,
      ids.slice(0, 8).map((id) => ({ id, logprob: -1, top: [] })),
      { offset: 0 },
    );
    text_offset.forEach((offset, i) => {
      const token = i === 0 ? tokenizer.decode(ids.slice(0, 1)) : tokens[i] ?? "";
      assertEquals(TEXT.slice(offset, offset + token.length), token);
    });
  });
}
