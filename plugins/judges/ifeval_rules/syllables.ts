/**
 * Syllables of English words as SyllaPy 0.8 counts them: a list of 6,392 words, and runs of vowels for all others.
 * @module
 */
import { lengthOf } from "../../../formats/python_text.ts";

/** Numbers of syllables by word, lower case. */
export type SyllableWords = ReadonlyMap<string, number>;

/**
 * Number of syllables of a word in lower case without punctuation; 0 if a digit is in it.
 * @param words From {@linkcode readSyllableWords}.
 */
export function syllablesOf(word: string, words: SyllableWords): number {
  if (word === "" || /\p{Nd}/u.test(word)) return 0;
  const known = words.get(word);
  if (known !== undefined) return known;
  let count = word.match(/[aeiouy]+/g)?.length ?? 0;
  if (word.endsWith("e")) count--;
  if (word.endsWith("le") && lengthOf(word) > 2 && !/[aeiouy]le$/.test(word)) count++;
  return count === 0 ? 1 : count;
}

/** Reads lines of a word, a comma and a number. */
export function readSyllableWords(text: string): SyllableWords {
  return new Map(
    text.split("\n").filter((line) => line !== "").map((line) => {
      const comma = line.lastIndexOf(",");
      return [line.slice(0, comma), Number(line.slice(comma + 1))];
    }),
  );
}
