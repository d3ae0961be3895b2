/** Answers held to expressions and lists: exactly the texts that JavaScript's own RegExp matches whole. */
import { assert, assertEquals, assertThrows } from "@std/assert";

import { loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { MaskError } from "../../../kernels/engine/generate/sampling/mask.ts";
import { type GrammarOptions, type HeldText, textMask } from "../grammar/grammar.ts";
import { grammarHere } from "../../../tests/helpers/grammar_here.ts";
import { expressionGrammar } from "./plain.ts";

const MODEL = new URL("../../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const tokenizer = loadTokenizerSync(MODEL);
const end = tokenizer.eosId ?? NaN;

/** Of texts, those that an answer may be. */
async function taken(held: HeldText, texts: readonly string[]): Promise<string[]> {
  const options = textMask("structured_outputs", held, "structured_outputs.regex").options as GrammarOptions;
  const found: string[] = [];
  for (const text of texts) {
    const mask = await grammarHere(options, { tokenizer, vocabSize: 304, endIds: [end] });
    try {
      for (const id of [...tokenizer.encode(text), end]) mask.accept(id);
      found.push(text);
    } catch {
      /* it isn't one */
    } finally {
      mask.dispose?.();
    }
  }
  return found;
}

const EXPRESSIONS: [expression: string, texts: string[]][] = [
  ["[ab]+", ["a", "abba", "", "abc"]],
  ["yes|no", ["yes", "no", "yesno", "y"]],
  ["^(yes|no)$", ["yes", "yes "]],
  ["(\\d{3})-\\d{2,4}", ["123-45", "123-4567", "123-4", "123-45678"]],
  ["a*", ["", "aaa", "b"]],
  ["[^,]{1,3}", ['é\n"', "a,b", "😀\\x", "abcd"]],
  ["à?[à-ü]|\\u{1F600}", ["àé", "é", "😀", "e", "àà"]],
  [".", ["x", "\n", "\t", "ab"]],
  ["(?=.*1)[a-z1]{2}", ["a1", "ab", "1a"]],
  ['"\\\\"', ['"\\"', '"\\\\"']],
  ["(a|ab)(c|bcd)", ["abcd", "ac", "abc", "abbcd", "ab"]],
];

Deno.test("an answer held to an expression is a text that RegExp matches whole", async () => {
  for (const [expression, texts] of EXPRESSIONS) {
    const whole = new RegExp(`^(?:${expression})$`, "u"), fit = texts.filter((text) => whole.test(text));
    assert(fit.length > 0 && fit.length < texts.length, expression);
    assertEquals(await taken({ expression }, texts), fit, expression);
  }
});

Deno.test("an answer held to a list is one of its texts as it stands", async () => {
  const list = ["yes", "yes, sir", 'a "b"\\\n', "é😀"];
  assertEquals(await taken({ list }, [...list, "ye", "yes, ", '"yes"', "é"]), list);
});

Deno.test("an expression that no automaton follows, or no text fits, is refused with its place", () => {
  const cases = [
    ["([ab]*)\\1", "be followed"],
    ["(", "Unterminated group"],
    ["a)(b", "Unmatched"],
    [
      "[]",
      "no text fits",
    ],
    ["(ab?){300}", "256 states"],
    [
      Array.from({ length: 400 }, (_, i) => "a".repeat(i + 1)).join("|"),
      "256 states",
    ],
    ["(".repeat(20_000) + "a" + ")".repeat(20_000), "within each other too deep"],
  ];
  for (const [expression, words] of cases as [string, string][]) {
    const error = assertThrows(
      () => expressionGrammar(expression, "guided_regex"),
      MaskError,
      "guided_regex",
    );
    assert(error.message.includes(words), error.message);
  }
});
