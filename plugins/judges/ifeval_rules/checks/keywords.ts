/**
 * `keywords:*`: words are regular expressions of Python's, found anywhere (forbidden ones between word boundaries).
 * @module
 */
import { z } from "zod";
import { pythonRegExp } from "../python_regexp.ts";
import { strip } from "../../../../formats/python_text.ts";
import { type Check, check, count, holds, matches, relation } from "./check.ts";

const words = z.array(z.string()).min(1);

/** All patterns at once: one that is none leaves the instruction without a verdict, whatever the response says of the others. */
function patterns(list: readonly string[], pattern = (word: string) => word): RegExp[] {
  return list.map((word) => pythonRegExp(pattern(word), "i"));
}

/** The checks of this family by id. */
export const keywords: Readonly<Record<string, Check>> = {
  "keywords:existence": check(
    { keywords: words },
    (text, k) => patterns(k.keywords).every((word) => word.test(text)),
  ),
  "keywords:frequency": check(
    { keyword: z.string().min(1), frequency: count, relation },
    (text, k) => holds(matches(text, pythonRegExp(strip(k.keyword), "gi")), k.relation, k.frequency),
  ),
  "keywords:forbidden_words": check(
    { forbidden_words: words },
    (text, k) =>
      !patterns(k.forbidden_words, (word) => String.raw`\b${word}\b`).some((word) => word.test(text)),
  ),
  // The character itself is counted, letter or not; the code up to 2024 drew a random letter instead of "#" and "!".
  "keywords:letter_frequency": check(
    {
      letter: z.string().refine((letter) => [...strip(letter)].length === 1, "must be one character"),
      let_frequency: count,
      let_relation: relation,
    },
    (text, k) => {
      const found = text.toLowerCase().split(strip(k.letter).toLowerCase()).length - 1;
      return holds(found, k.let_relation, k.let_frequency);
    },
  ),
};
