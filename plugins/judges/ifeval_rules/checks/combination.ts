/**
 * `combination:*`: two answers, or the request first.
 * @module
 */
import { z } from "zod";
import { strip } from "../../../../formats/python_text.ts";
import { type Check, check, partsBetween } from "./check.ts";

/** The checks of this family by id. */
export const combination: Readonly<Record<string, Check>> = {
  "combination:two_responses": check({}, (text) => {
    const parts = partsBetween(text.split("******"), (part) => strip(part) === "");
    const [first, second, ...more] = parts ?? [];
    return first !== undefined && second !== undefined && more.length === 0 && strip(first) !== strip(second);
  }),
  "combination:repeat_prompt": check(
    { prompt_to_repeat: z.string() },
    (text, k) => strip(text).toLowerCase().startsWith(strip(k.prompt_to_repeat).toLowerCase()),
  ),
};
