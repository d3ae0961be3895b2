/**
 * IFBench's `count:*`: words, names, numbers and marks.
 * @module
 */
import { z } from "zod";
import { isDigits, splitSpaces, strip } from "../../../../formats/python_text.ts";
import { escapePattern } from "../../../../formats/tokenizer/patterns.ts";
import { type Check, check, count, matches } from "../checks/check.ts";
import { pythonRegExp } from "../python_regexp.ts";
import { wordTokens } from "../word_tokens.ts";
import { bare, DIGIT_RUNS, withoutMarks, WORD_RUNS } from "./words.ts";

const CONJUNCTIONS = new Set(["and", "but", "for", "nor", "or", "so", "yet"]);
const NAMES = (
  "Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin Harper " +
  "Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria Elijah " +
  "Layla Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan"
).split(" ");
const PRONOUNS = new Set(
  ("i me we us you he him she her it they them my mine our ours your yours his hers its their theirs myself ourselves " +
    "yourself yourselves himself herself itself themselves this that these those who whom whose which what whoever " +
    "whomever whatever whichever anybody anyone anything everybody everyone everything nobody nothing somebody someone " +
    "something each either neither both all some any none").split(" "),
);
const JAPANESE = /[\u3040-\u30ff\u4e00-\u9fff]/;
/** How often each keyword must stand there. */
const TIMES = { keyword1: 1, keyword2: 2, keyword3: 3, keyword4: 5, keyword5: 7 };

/** A word by itself, as a pattern. */
export function wholeWord(word: string, flags: string): RegExp {
  return pythonRegExp(String.raw`\b${escapePattern(word)}\b`, flags);
}

const keyword = z.string().refine((word) => strip(word) !== "", "must be a word");

/** The checks of this family by id. */
export const counts: Readonly<Record<string, Check>> = {
  "count:word_count_range": check({ min_words: count, max_words: count }, (text, k) => {
    const words = matches(text, WORD_RUNS);
    return k.min_words <= words && words <= k.max_words;
  }),
  "count:unique_word_count": check(
    { N: count },
    (text, k) => new Set(splitSpaces(text.toLowerCase()).map((word) => bare(word))).size >= k.N,
  ),
  // "And" and "and," are two
  "count:conjunctions": check({ small_n: count }, (text, k) => {
    const found = splitSpaces(text).filter((word) => CONJUNCTIONS.has(bare(word).toLowerCase()));
    return new Set(found).size >= k.small_n;
  }),
  "count:person_names": check(
    { N: count },
    (text, k) => NAMES.filter((name) => wholeWord(name, "").test(text)).length >= k.N,
  ),
  "count:numbers": check({ N: count }, (text, k) => matches(withoutMarks(text), DIGIT_RUNS) === k.N),
  "count:pronouns": check({ N: count }, (text, k, { punkt }) => {
    const words = wordTokens(text.replaceAll("/", " ").toLowerCase(), punkt);
    return words.filter((word) => PRONOUNS.has(word)).length >= k.N;
  }),
  // one "?!" (or else one "!?") doesn't count as its two marks
  "count:punctuation": check({}, (text) => {
    if (!/!\?|\?!|‽/.test(text)) return false;
    const rest = text.includes("?!") ? text.replace("?!", "") : text.replace("!?", "");
    return [".", ",", "!", "?", ";", ":"].every((mark) => rest.includes(mark));
  }),
  "count:words_japanese": check(
    { N: z.int().positive() },
    (text, k) =>
      splitSpaces(text).every((part, i) => {
        const word = bare(part);
        return (i + 1) % k.N !== 0 || word === "" || isDigits(word) || JAPANESE.test(word);
      }),
  ),
  "count:keywords_multiple": check(
    { keyword1: keyword, keyword2: keyword, keyword3: keyword, keyword4: keyword, keyword5: keyword },
    (text, k) =>
      (Object.keys(TIMES) as (keyof typeof TIMES)[]).every((name) =>
        matches(text, wholeWord(strip(k[name]), "gi")) === TIMES[name]
      ),
  ),
};
