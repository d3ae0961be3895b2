/**
 * `change_case:*`: capitals. English is decided by {@linkcode detectLanguage}; text without any feature passes.
 * @module
 */
import { detectLanguage } from "../language.ts";
import { isLower, isUpper } from "../../../../formats/python_text.ts";
import { wordTokens } from "../word_tokens.ts";
import { type Check, check, type CheckModels, count, holds, relation } from "./check.ts";

/** The checks of this family by id. */
export const changeCase: Readonly<Record<string, Check>> = {
  "change_case:capital_word_frequency": check(
    { capital_frequency: count, capital_relation: relation },
    (text, k, { punkt }) =>
      holds(wordTokens(text, punkt).filter(isUpper).length, k.capital_relation, k.capital_frequency),
  ),
  "change_case:english_capital": check({}, (text, _, models) => isUpper(text) && isEnglish(text, models)),
  "change_case:english_lowercase": check({}, (text, _, models) => isLower(text) && isEnglish(text, models)),
};

function isEnglish(text: string, { languages }: CheckModels): boolean {
  return (detectLanguage(text, languages) ?? "en") === "en";
}
