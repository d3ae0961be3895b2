import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";

import { AddedTokenFinder } from "./added_tokens.ts";
import { Bpe } from "./bpe.ts";
import { decoder } from "./decoders.ts";
import { normalizer } from "./normalizers.ts";
import { toRegExp } from "./patterns.ts";
import { postProcessor } from "./post_processor.ts";
import { checkBeginning, preTokenizer } from "./pre_tokenizers.ts";
import { addedToken, type BpeModelJson, type Component } from "./tokenizer_json.ts";

function pieces(part: Component, text: string): string[] {
  let list = [text];
  for (const step of preTokenizer(part).steps) {
    list = list.flatMap((value, i) => {
      if ("map" in step) return [step.map(value, i === 0)];
      const cuts: number[] = [];
      step.cut(value, cuts);
      return cuts.flatMap((start, index) => index % 2 === 0 ? [value.slice(start, cuts[index + 1])] : []);
    });
  }
  return list;
}

// the example of the tokenizers library's documentation of SplitDelimiterBehavior
const BEHAVIORS: [string, string[]][] = [
  ["Removed", ["the", "final", "countdown"]],
  ["Isolated", ["the", "-", "final", "-", "-", "countdown"]],
  ["MergedWithPrevious", ["the-", "final-", "-", "countdown"]],
  ["MergedWithNext", ["the", "-final", "-", "-countdown"]],
  ["Contiguous", ["the", "-", "final", "--", "countdown"]],
];

Deno.test("preTokenizer() splits by every behaviour as documented", () => {
  for (const [behavior, want] of BEHAVIORS) {
    const part = { type: "Split", pattern: { String: "-" }, behavior, invert: false };
    assertEquals(pieces(part, "the-final--countdown"), want, behavior);
  }
});

Deno.test("preTokenizer() does digits, punctuation, white space and metaspace", () => {
  assertEquals(pieces({ type: "Digits", individual_digits: true }, "a12b"), ["a", "1", "2", "b"]);
  assertEquals(pieces({ type: "Digits", individual_digits: false }, "a12b"), ["a", "12", "b"]);
  assertEquals(pieces({ type: "Punctuation", behavior: "Isolated" }, "a$。b"), ["a", "$", "。", "b"]);
  assertEquals(pieces({ type: "WhitespaceSplit" }, " a  b\u0085c\ufeff"), ["a", "b", "c\ufeff"]);
  assertEquals(pieces({ type: "Whitespace" }, "Hey, you_1!"), ["Hey", ",", "you_1", "!"]);
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true };
  assertEquals(pieces(metaspace, "a b  c"), ["▁a", "▁b", "▁", "▁c"]);
  assertEquals(pieces({ type: "ByteLevel", add_prefix_space: true, use_regex: true }, "a b's"), [
    " a",
    " b",
    "'s",
  ]);
});

Deno.test("toRegExp() takes white space as Oniguruma does", () => {
  assertEquals(toRegExp("\\s", "").test("\ufeff"), false);
  assertEquals(toRegExp("[\\s]", "").test("\u0085"), true);
  assertEquals(toRegExp("[^\\S]", "").test("\u3000"), true);
  assertEquals(toRegExp("(?i:'s)", "").test("'S"), true);
  assertThrows(() => toRegExp("(?<a>", ""), SyntaxError, "Cannot use the tokenizer's pattern");
});

Deno.test("unsupported parts are refused by name", () => {
  const odd = { type: "Odd" };
  assertThrows(() => preTokenizer(odd), RangeError, 'its pre_tokenizer is of type "Odd"');
  assertThrows(() => normalizer(odd), RangeError, 'its normalizer is of type "Odd"');
  assertThrows(() => decoder(odd), RangeError, 'its decoder is of type "Odd"');
  assertThrows(() => postProcessor(odd), RangeError, 'its post_processor is of type "Odd"');
});

Deno.test("normalizer() strips, lowers and removes accents", () => {
  const part = {
    type: "Sequence",
    normalizers: [
      { type: "Strip", strip_left: true, strip_right: true },
      { type: "NFD" },
      { type: "StripAccents" },
      { type: "Lowercase" },
      { type: "Prepend", prepend: "_" },
      { type: "Replace", pattern: { Regex: "\\d" }, content: "$&" },
    ],
  };
  assertEquals(normalizer(part)!("  Éa1 "), "_ea$&");
});

Deno.test("AddedTokenFinder keeps to word borders and takes white space in", () => {
  const tokens = [
    addedToken("<m>", 1, { lstrip: true, rstrip: true }),
    addedToken("no", 2, { single_word: true }),
    addedToken("<mm>", 3, { special: true }),
  ];
  const finder = new AddedTokenFinder(new Map(tokens.map((token) => [token.content, token])));
  const show = (text: string, special = true) =>
    finder.split(text, special).map((piece) => piece.id < 0 ? piece.text : piece.id);
  assertEquals(show("a  <m> \n b"), ["a", 1, "b"]);
  assertEquals(show("nos no, nο"), ["nos ", 2, ", nο"]);
  assertEquals(show("x<mm>y"), ["x", 3, "y"]);
  assertEquals(show("x<mm>y", false), ["x<mm>y"]);
  // tokenizers 0.23.3 gives these ids
  const blanks = [addedToken("<r>", 4, { rstrip: true }), addedToken("   ", 5, {})];
  const both = new AddedTokenFinder(new Map(blanks.map((token) => [token.content, token])));
  const ids = (text: string) => both.split(text, true).map((piece) => piece.id < 0 ? piece.text : piece.id);
  assertEquals(ids("x<r>   y"), ["x", 4, 5, "y"]);
  assertEquals(ids("x<r>    y"), ["x", 4, 5, " y"]);
  assertEquals(show(""), []);
});

/** Letters a to d with random merges, in an order in which every merge's parts are there before it. */
const models = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 40 }).map(
  (picks): BpeModelJson => {
    const tokens = ["a", "b", "c", "d"];
    const merges: [string, string][] = [];
    for (const [i, j] of picks) {
      const [left, right] = [tokens[i % tokens.length]!, tokens[j % tokens.length]!];
      if (tokens.includes(left + right) || left.length + right.length > 12) continue;
      tokens.push(left + right);
      merges.push([left, right]);
    }
    return { type: "BPE", vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
  },
);

/** The definition: again and again the pair of the lowest rank, the leftmost one. */
function merged(model: BpeModelJson, word: string): string[] {
  const rank = new Map(model.merges.map((merge, i) => [JSON.stringify(merge), i]));
  const symbols = [...word];
  for (;;) {
    let best = Infinity, first = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const value = rank.get(JSON.stringify([symbols[i], symbols[i + 1]])) ?? Infinity;
      if (value < best) [best, first] = [value, i];
    }
    if (first < 0) return symbols;
    symbols.splice(first, 2, symbols[first]! + symbols[first + 1]!);
  }
}

Deno.test("Bpe.encodeWord() equals the definition on short and long words", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c", "d", "ab", "aa"), { minLength: 1, maxLength: 90 });
  fc.assert(fc.property(models, fc.array(words, { minLength: 1, maxLength: 5 }), (model, list) => {
    const bpe = new Bpe(model, false);
    for (const letters of [...list, ...list]) {
      const word = letters.join("");
      const out: number[] = [];
      bpe.encodeWord(`xx${word}yy`, 2, 2 + word.length, out);
      assertEquals(out.map((id) => bpe.tokens[id]), merged(model, word));
    }
  }));
});

Deno.test("Bpe.encodeWord() remembers more words than its cache holds", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const vocab = Object.fromEntries(letters.map((letter, id) => [letter, id]));
  const bpe = new Bpe({ type: "BPE", vocab, merges: [] }, true);
  const word = (i: number) =>
    [...i.toString(26).padStart(6, "0")].map((digit) => letters[parseInt(digit, 26)]).join("");
  for (let i = 0; i < 150_000; i++) {
    const out: number[] = [];
    bpe.encodeWord(word(i % 100_000), 0, 6, out);
    assertEquals(out.map((id) => letters[id]).join(""), word(i % 100_000));
  }
});

Deno.test("Bpe() refuses merges without tokens", () => {
  const model = { type: "BPE" as const, vocab: { a: 0, b: 1 } };
  assertThrows(
    () => new Bpe({ ...model, merges: [["a", "b"]] }, false),
    SyntaxError,
    '"ab" isn\'t in its vocabulary',
  );
  assertThrows(
    () => new Bpe({ ...model, merges: ["ab"] }, false),
    SyntaxError,
    "isn't two tokens with a space",
  );
});

Deno.test("Bpe.encodeWord() puts unknown tokens and bytes in order", () => {
  const vocab = { "<unk>": 0, a: 1, "<0xC3>": 2, "<0xA9>": 3 };
  const encode = (more: Partial<BpeModelJson>, word: string) => {
    const out: number[] = [];
    new Bpe({ type: "BPE", vocab, merges: [], unk_token: "<unk>", ...more }, false)
      .encodeWord(word, 0, word.length, out);
    return out;
  };
  assertEquals(encode({ byte_fallback: true, fuse_unk: true }, "aé𠀀𠀀a"), [1, 2, 3, 0, 1]);
  assertEquals(encode({ byte_fallback: false, fuse_unk: false }, "xya"), [0, 0, 1]);
  const lacking: BpeModelJson = { type: "BPE", vocab, merges: [], byte_fallback: true };
  assertThrows(() => new Bpe(lacking, true), RangeError, "lacks 255 of the 256 bytes");
});

Deno.test("a text's beginning that a normalizer may take away is refused where it is asked for", () => {
  const strip = { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "Strip", strip_left: true }] };
  const first = { type: "Metaspace", replacement: "▁", prepend_scheme: "first" };
  assertThrows(
    () => checkBeginning(strip, { type: "Sequence", pretokenizers: [first] }),
    RangeError,
    "Strip",
  );
  checkBeginning(strip, { ...first, prepend_scheme: "always" });
  checkBeginning(null, first);
});
