/**
 * `language:*`: the language of the whole response. Text without any feature passes.
 * @module
 */
import { z } from "zod";
import { detectLanguage } from "../language.ts";
import { type Check, check } from "./check.ts";

/** The checks of this family by id. */
export const language: Readonly<Record<string, Check>> = {
  "language:response_language": check(
    { language: z.string() },
    (text, k, { languages }) => (detectLanguage(text, languages) ?? k.language) === k.language,
  ),
};
