/**
 * ROUGE-1, ROUGE-2 and ROUGE-L of one text by words, as the Python package rouge_chinese gives their F.
 *
 * F = 2PR / (P + R + 10⁻⁸). ROUGE-1 and -2 compare the sets of words and of pairs of words (each once, however often it occurs);
 * ROUGE-L the longest common subsequence of all words. (Lin 2004.)
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { SPACE, splitSpaces } from "../../../formats/python_text.ts";

/** F values, each in [0, 1]. */
export interface Rouge {
  /** Of words. */
  "rouge-1": number;
  /** Of pairs of neighbours. */
  "rouge-2": number;
  /** Of the longest common subsequence. */
  "rouge-l": number;
}

const TRAILING = new RegExp(`[${SPACE}]+$`);

/**
 * Compares two texts whose words are parted by white space; 0 where one of them has none.
 *
 * A sentence of white space alone counts as one empty word, as in the package, which joins the words of each sentence again.
 */
export function rouge(answer: string, reference: string): Rouge {
  const hypothesis = wordsOf(answer), expected = wordsOf(reference);
  if (hypothesis.length === 0 || expected.length === 0) return { "rouge-1": 0, "rouge-2": 0, "rouge-l": 0 };
  const common = commonLength(hypothesis, expected);
  return {
    "rouge-1": overlap(grams(hypothesis, 1), grams(expected, 1)),
    "rouge-2": overlap(grams(hypothesis, 2), grams(expected, 2)),
    "rouge-l": harmonic(common / hypothesis.length, common / expected.length),
  };
}

/** Words of all sentences. */
function wordsOf(text: string): string[] {
  if (splitSpaces(text).length === 0) return [];
  return sentences(text).filter((sentence) => sentence !== "")
    .flatMap((sentence) => splitSpaces(sentence).join(" ").split(" "));
}

/** `Rouge.cut_sent`: behind 。！？? and dots, but not before a closing quotation mark. */
function sentences(text: string): string[] {
  return text.replace(/([。！？?])([^”’])/gu, "$1\n$2")
    .replace(/(\.{6})([^”’])/gu, "$1\n$2")
    .replace(/(…{2})([^”’])/gu, "$1\n$2")
    .replace(/([。！？?][”’])([^，。！？?])/gu, "$1\n$2")
    .replace(TRAILING, "")
    .split("\n");
}

function grams(words: readonly string[], n: number): Set<string> {
  return new Set(
    Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join("\n")),
  );
}

function overlap(hypothesis: Set<string>, expected: Set<string>): number {
  const found = hypothesis.intersection(expected).size;
  return harmonic(found / (hypothesis.size || 1), found / (expected.size || 1));
}

function harmonic(precision: number, recall: number): number {
  return 2 * ((precision * recall) / (precision + recall + 1e-8));
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row: number[] = new Array(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    for (const [j, other] of b.entries()) {
      next.push(word === other ? item(row, j) + 1 : Math.max(item(row, j + 1), item(next, j)));
    }
    row = next;
  }
  return item(row, b.length);
}
