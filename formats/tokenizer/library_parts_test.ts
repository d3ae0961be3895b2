/** Parts of tokenizer.json beside the tokenizers library (fixtures/goldens/tokenizers/parts.json), where JavaScript's own meaning is another. */
import { assertEquals, assertThrows } from "@std/assert";

import { toByteAlphabet } from "./bytes.ts";
import { decoder } from "./decoders.ts";
import { namedSplitter, SPLITTERS } from "./gguf/splitters.ts";
import { tokenizerFromFiles } from "./mod.ts";
import { normalizer } from "./normalizers.ts";
import { toRegExp } from "./patterns.ts";
import { preTokenizer } from "./pre_tokenizers.ts";
import type { Component } from "./tokenizer_json.ts";

const golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/goldens/tokenizers/parts.json", import.meta.url)),
);

/** Pieces of a text, in the byte alphabet where the part ends there. */
function pieces(part: Component, text: string): string[] {
  const { steps, byteLevel } = preTokenizer(part);
  let list = [text];
  for (const step of steps) {
    list = list.flatMap((value, i) => {
      if ("map" in step) return [step.map(value, i === 0)];
      const cuts: number[] = [];
      step.cut(value, cuts);
      return cuts.flatMap((start, index) => index % 2 === 0 ? [value.slice(start, cuts[index + 1])] : []);
    });
  }
  return byteLevel ? list.map(toByteAlphabet) : list;
}

for (const { pattern, text, pieces: wanted } of golden.patterns) {
  Deno.test(`Split at ${pattern} is the library's`, () => {
    for (const [name, want] of Object.entries(wanted)) {
      const [behavior, inverted] = name.split(" ");
      const part = { type: "Split", pattern: { Regex: pattern }, behavior, invert: inverted !== undefined };
      assertEquals(pieces(part, text), want, name);
    }
  });
}

Deno.test("a tokenizer that cuts as o200k is told llama.cpp by gpt-4o", () => {
  const found = golden.patterns.find(({ text }: { text: string }) => text.includes("camelCaseText ÉTÉ"));
  assertEquals(namedSplitter([found.pattern], false), "gpt-4o");
  assertEquals(namedSplitter([found.pattern], true), null);
});

Deno.test("the splitter hunyuan-dense of a GGUF file cuts as the library by DeepSeek-V3's patterns", () => {
  const { text, pieces: wanted } = golden.chains.at(-1);
  const parts = SPLITTERS.get("hunyuan-dense")!.patterns.map((pattern) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  }));
  assertEquals(pieces({ type: "Sequence", pretokenizers: parts }, text), wanted);
});

Deno.test("toRegExp() refuses what it would take for something else", () => {
  for (const pattern of golden.refused) {
    assertThrows(() => toRegExp(pattern, ""), SyntaxError, "Cannot use the tokenizer's pattern");
  }
});

Deno.test("pre-tokenizers are the library's: words in Rust's sense, and ByteLevel before other parts", () => {
  for (const { part, text, pieces: wanted } of golden.chains) {
    assertEquals(pieces(part, text), wanted, JSON.stringify(part));
  }
});

Deno.test("normalizers are the library's: lower case by characters, all marks, lines", () => {
  for (const { part, text, normalized } of golden.normalizers) {
    assertEquals(normalizer(part)!(text), normalized, JSON.stringify(part));
  }
});

Deno.test("decoder Metaspace is the library's: it takes all marks off the first token", () => {
  for (const { part, tokens, text } of golden.decoders) {
    assertEquals(decoder(part)(tokens), text, JSON.stringify(part));
  }
});

Deno.test("added tokens are the library's: borders of words beyond U+FFFF, blanks that two tokens take", () => {
  for (const { tokenizer, texts, ids } of golden.added) {
    const ours = tokenizerFromFiles({ "tokenizer.json": JSON.stringify(tokenizer) });
    for (const [i, text] of texts.entries()) {
      assertEquals(
        ours.encode(text, { special: true }),
        ids[i],
        JSON.stringify([tokenizer.added_tokens, text]),
      );
    }
  }
});

Deno.test("bytes beside unknown characters stand where the library puts them", () => {
  for (const { tokenizer, texts, ids } of golden.fallback) {
    const ours = tokenizerFromFiles({ "tokenizer.json": JSON.stringify(tokenizer) });
    assertEquals(texts.map((text: string) => ours.encode(text)), ids, `fuse_unk ${tokenizer.model.fuse_unk}`);
  }
});
