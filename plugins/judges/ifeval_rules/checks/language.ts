/**
 * `language:*`: the language of the whole response. Text without any feature passes.
 * @module
 */
import { z } from "zod";
import { didYouMean } from "../../../../formats/did_you_mean.ts";
import { detectLanguage } from "../language.ts";
import { type Check, check } from "./check.ts";

/** The checks of this family by id. */
export const language: Readonly<Record<string, Check>> = {
  "language:response_language": check(
    { language: z.string() },
    (text, k, { languages }) => {
      if (!languages.languages.includes(k.language)) {
        throw new SyntaxError(unknownText(k.language, languages.languages));
      }
      return (detectLanguage(text, languages) ?? k.language) === k.language;
    },
  ),
};

/** A code that no text is ever found to be in would be broken by every response. */
function unknownText(code: string, known: readonly string[]): string {
  const near = known.filter((other) => other.startsWith(`${code}-`));
  const hint = near.length > 0 ? ` - did you mean "${near.join('" or "')}"?` : didYouMean(code, known);
  return `language "${code}" is none that is told apart here${hint} (known: ${known.join(", ")})`;
}
