/** Sentences, words, languages and random numbers against NLTK, langdetect and CPython (fixtures/goldens/ifeval). */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { detectLanguage } from "./language.ts";
import { loadCheckModels } from "./models.ts";
import { punktSentences } from "./punkt.ts";
import { PythonRandom } from "./python_random.ts";
import { wordTokens } from "./word_tokens.ts";

interface Golden {
  random: { uniform: number[]; gauss: number[]; below: [number, number][] };
  rows: { text: string; sentences: string[]; words: string[]; language: string | null }[];
}
const golden: Golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/ifeval/python.json", import.meta.url)),
);
const models = await loadCheckModels();

Deno.test("PythonRandom gives CPython's numbers of seed 0", () => {
  const random = new PythonRandom(0);
  for (const value of golden.random.uniform) assertEquals(random.random(), value);
  for (const value of golden.random.gauss) assertAlmostEquals(random.gauss(), value, 1e-14);
  // The third Gaussian number leaves a spare one, which integers don't touch.
  for (const [n, value] of golden.random.below) assertEquals(random.below(n), value);
});

Deno.test("punktSentences() splits as NLTK does", () => {
  for (const { text, sentences } of golden.rows) {
    assertEquals(punktSentences(text, models.punkt), sentences, JSON.stringify(text));
  }
});

Deno.test("wordTokens() splits as NLTK does", () => {
  for (const { text, words } of golden.rows) {
    assertEquals(wordTokens(text, models.punkt), words, JSON.stringify(text));
  }
});

Deno.test("detectLanguage() names the language that langdetect names with seed 0", () => {
  for (const { text, language } of golden.rows) {
    assertEquals(detectLanguage(text, models.languages) ?? null, language, JSON.stringify(text));
  }
});
