/**
 * IFBench's `sentence:*`: what sentences hold, one after another.
 * @module
 */
import { z } from "zod";
import { firstOf, splitSpaces } from "../../../../formats/python_text.ts";
import { type Check, check, count } from "../checks/check.ts";
import { punktSentences } from "../punkt.ts";
import { wholeWord } from "./count.ts";
import { bare, withoutMarks } from "./words.ts";

/** The checks of this family by id. */
export const sentenceChecks: Readonly<Record<string, Check>> = {
  "sentence:alliteration_increment": check({}, (text, _, { punkt }) => {
    const runs = punktSentences(text, punkt).map(alliteration);
    return runs.slice(1).every((run, i) => run > (runs[i] ?? 0));
  }),
  "sentence:keyword": check({ word: z.string().min(1), N: z.int().positive() }, (text, k, { punkt }) => {
    const sentence = punktSentences(text, punkt)[k.N - 1];
    return sentence !== undefined && wholeWord(k.word, "i").test(sentence);
  }),
  "sentence:increment": check({ small_n: count }, (text, k, { punkt }) => {
    const lengths = punktSentences(text, punkt).map((sentence) => splitSpaces(withoutMarks(sentence)).length);
    return lengths.slice(1).every((length, i) => length === (lengths[i] ?? 0) + k.small_n);
  }),
};

/** Words that begin like their neighbour: two for the first pair of a run, one for each further word. */
function alliteration(sentence: string): number {
  const letters = splitSpaces(sentence.toLowerCase()).map((word) => firstOf(bare(word, "left")))
    .filter((letter) => letter !== "");
  const alike = letters.slice(1).map((letter, i) => letter === letters[i]);
  return alike.reduce((sum, same, i) => same ? sum + (alike[i - 1] === true ? 1 : 2) : sum, 0);
}
