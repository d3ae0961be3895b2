/**
 * Scores of answers beside LLaMA-Factory's own (jieba, rouge_chinese, nltk), from fixtures/goldens/llamafactory.
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { type Similarity, similarity } from "./similarity.ts";
import { cutWords } from "./words.ts";

interface Golden {
  rows: { predict: string; label: string; words: [string[], string[]]; scores: Similarity }[];
  mean: Similarity;
}

const golden: Golden = JSON.parse(
  Deno.readTextFileSync(
    new URL("../../../fixtures/goldens/llamafactory/similarity.json", import.meta.url),
  ),
);

Deno.test("cutWords() gives jieba's words: Chinese, Latin, digits, signs, characters beyond its ranges", () => {
  for (const { predict, label, words } of golden.rows) {
    assertEquals([cutWords(predict), cutWords(label)], words);
  }
});

Deno.test("similarity() gives LLaMA-Factory's ROUGE and BLEU of every pair, and their means", () => {
  for (const row of golden.rows) assertEquals(similarity([row]), row.scores, JSON.stringify(row));
  const mean = similarity(golden.rows);
  for (const [name, value] of Object.entries(golden.mean)) {
    assertAlmostEquals(mean[name as keyof Similarity], value, 1e-10);
  }
});
