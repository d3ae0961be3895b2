/**
 * `length_constraints:*`: sentences, words and paragraphs.
 * @module
 */
import { z } from "zod";
import { countSentences } from "../punkt.ts";
import { pythonRegExp } from "../python_regexp.ts";
import { splitSpaces, strip, stripEnds } from "../../../../formats/python_text.ts";
import { type Check, check, count, holds, matches, partsBetween, relation } from "./check.ts";

const WORDS = pythonRegExp(String.raw`\w+`, "g");
const DIVIDER = pythonRegExp(String.raw`\s?\*\*\*\s?`);

/** The checks of this family by id. */
export const lengthConstraints: Readonly<Record<string, Check>> = {
  "length_constraints:number_sentences": check(
    { num_sentences: count, relation },
    (text, k, { punkt }) => holds(countSentences(text, punkt), k.relation, k.num_sentences),
  ),
  "length_constraints:number_words": check(
    { num_words: count, relation },
    (text, k) => holds(matches(text, WORDS), k.relation, k.num_words),
  ),
  "length_constraints:number_paragraphs": check(
    { num_paragraphs: count },
    (text, k) => partsBetween(text.split(DIVIDER), (part) => strip(part) === "")?.length === k.num_paragraphs,
  ),
  "length_constraints:nth_paragraph_first_word": check(
    { num_paragraphs: count, nth_paragraph: z.int().positive(), first_word: z.string() },
    (text, k) => {
      const parts = text.split("\n\n");
      const paragraphs = parts.filter((part) => strip(part) !== "").length;
      if (k.nth_paragraph > paragraphs || paragraphs !== k.num_paragraphs) return false;
      const nth = strip(parts[k.nth_paragraph - 1] ?? ""); // blank parts count for the position
      return nth !== "" && firstWord(nth) === k.first_word.toLowerCase();
    },
  ),
};

/**
 * Up to the first mark, lower-cased letter by letter, so that a word in capitals ends in σ, not in ς; quotes before it are left out, but only
 * single and then double ones.
 */
function firstWord(paragraph: string): string {
  const word = stripEnds(stripEnds(splitSpaces(paragraph)[0] ?? "", "'", "left"), '"', "left");
  return Array.from(word.replace(/[.,?!'"].*$/s, ""), (letter) => letter.toLowerCase()).join("");
}
