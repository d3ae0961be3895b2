/**
 * `startend:*`: how the response begins and ends.
 * @module
 */
import { z } from "zod";
import { strip, stripEnds } from "../../../../formats/python_text.ts";
import { type Check, check } from "./check.ts";

/** The checks of this family by id. */
export const startend: Readonly<Record<string, Check>> = {
  "startend:end_checker": check(
    { end_phrase: z.string() },
    (text, k) => stripEnds(strip(text), '"').toLowerCase().endsWith(strip(k.end_phrase).toLowerCase()),
  ),
  "startend:quotation": check({}, (text) => {
    const body = strip(text);
    return body.length > 1 && body.startsWith('"') && body.endsWith('"');
  }),
};
