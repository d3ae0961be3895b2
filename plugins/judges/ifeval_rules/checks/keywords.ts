/**
 * `keywords:*`: words are regular expressions of Python's, found anywhere (forbidden ones between word boundaries).
 * @module
 */
import { z } from "zod";
import { pythonRegExp } from "../python_regexp.ts";
import { strip } from "../../../../formats/python_text.ts";
import { type Check, check, count, holds, matches, relation } from "./check.ts";

const words = z.array(z.string()).min(1);

/** The checks of this family by id. */
export const keywords: Readonly<Record<string, Check>> = {
  "keywords:existence": check(
    { keywords: words },
    (text, k) => k.keywords.every((word) => pythonRegExp(word, "i").test(text)),
  ),
  "keywords:frequency": check(
    { keyword: z.string(), frequency: count, relation },
    (text, k) => holds(matches(text, pythonRegExp(strip(k.keyword), "gi")), k.relation, k.frequency),
  ),
  "keywords:forbidden_words": check(
    { forbidden_words: words },
    (text, k) => !k.forbidden_words.some((word) => pythonRegExp(String.raw`\b${word}\b`, "i").test(text)),
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
