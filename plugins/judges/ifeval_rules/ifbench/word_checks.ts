/**
 * IFBench's `words:*`: letters, lengths, syllables and places of words.
 * @module
 */
import { z } from "zod";
import { firstOf, lengthOf, splitSpaces, strip } from "../../../../formats/python_text.ts";
import { type Check, check, count } from "../checks/check.ts";
import { punktSentences } from "../punkt.ts";
import { wordTokens } from "../word_tokens.ts";
import { syllablesOf } from "../syllables.ts";
import { bare, plainWords, spokenTokens, withoutMarks } from "./words.ts";

const CLUSTER = /[bcdfghjklmnpqrstvwxyz]{2}/;
const PRIMES = new Set([
  ...[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97],
]);
const A = 97;
const place = z.int().positive();

/** The checks of this family by id. */
export const wordChecks: Readonly<Record<string, Check>> = {
  "words:alphabet": check({}, (text) => {
    const words = splitSpaces(withoutMarks(text)).map((word) => word.toLowerCase());
    // a letter by itself, so that one that becomes two in lower case is none of the alphabet
    const first = firstOf(splitSpaces(withoutMarks(text))[0] ?? "").toLowerCase();
    if (!/^[a-z]$/.test(first)) return false;
    const start = first.charCodeAt(0) - A;
    return words.every((word, i) => firstOf(word) === String.fromCharCode(A + (start + i) % 26));
  }),
  "words:vowel": check({}, (text) => {
    const paragraph = strip(text);
    if (paragraph.includes("\n")) return false;
    return new Set(paragraph.toLowerCase().match(/[aeiou]/g) ?? []).size <= 3;
  }),
  "words:consonants": check(
    {},
    (text) => splitSpaces(text.toLowerCase()).every((word) => CLUSTER.test(word)),
  ),
  "words:palindrome": check(
    {},
    (text) =>
      splitSpaces(withoutMarks(text).toLowerCase()).filter((word) =>
        lengthOf(word) >= 5 && isPalindrome(word)
      )
        .length >= 10,
  ),
  "words:prime_lengths": check(
    {},
    (text) => splitSpaces(withoutMarks(text)).every((word) => PRIMES.has(lengthOf(word))),
  ),
  "words:start_verb": check({}, (text, _, { punkt, tagger }) => {
    const tokens = wordTokens(text, punkt);
    if (tagger === undefined) {
      throw new TypeError("Cannot tell a verb without a tagger: checkOne() asks for one");
    }
    return tokens.length > 0 && tagger.firstTag(tokens).includes("VB");
  }),
  "words:repeats": check({ small_n: count }, (text, k) => {
    const times = new Map<string, number>();
    for (const word of plainWords(text)) times.set(word, (times.get(word) ?? 0) + 1);
    return times.values().every((n) => n <= k.small_n);
  }),
  "words:odd_even_syllables": check({}, (text, _, { syllables }) => {
    const odd = splitSpaces(withoutMarks(text).toLowerCase()).map((word) => syllablesOf(word, syllables) % 2);
    return odd.slice(1).every((parity, i) => parity !== odd[i]);
  }),
  "words:last_first": check({}, (text, _, { punkt }) => {
    const sentences = punktSentences(text, punkt);
    return sentences.slice(1).every((sentence, i) => {
      const last = splitSpaces(bare(sentences[i] ?? "", "right")).at(-1);
      const first = splitSpaces(bare(sentence, "left"))[0];
      return last !== undefined && last.toLowerCase() === first?.toLowerCase();
    });
  }),
  "words:paragraph_last_first": check(
    {},
    (text) =>
      text.split("\n").every((paragraph) => {
        const words = splitSpaces(bare(strip(paragraph).toLowerCase()));
        return words[0] === words.at(-1);
      }),
  ),
  "words:no_consecutive": check({}, (text) => {
    const words = plainWords(text);
    return words.slice(1).every((word, i) => firstOf(word) !== firstOf(words[i] ?? ""));
  }),
  "words:keywords_specific_position": check(
    { keyword: z.string().min(1), n: place, m: place },
    (text, k, { punkt }) => {
      const sentence = punktSentences(text, punkt)[k.n - 1] ?? "";
      return spokenTokens(sentence, punkt)[k.m - 1]?.toLowerCase() === strip(k.keyword).toLowerCase();
    },
  ),
  "words:words_position": check({ keyword: z.string() }, (text, k, { punkt }) => {
    const words = spokenTokens(text, punkt), wanted = strip(k.keyword).toLowerCase();
    return words.length > 1 && words[1]?.toLowerCase() === wanted && words.at(-2)?.toLowerCase() === wanted;
  }),
};

function isPalindrome(word: string): boolean {
  const letters = [...word];
  return letters.every((letter, i) => letter === letters[letters.length - 1 - i]);
}
