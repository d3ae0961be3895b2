/**
 * IFBench's `repeat:*`: the request itself, or a part of it, as the answer.
 * @module
 */
import { z } from "zod";
import { splitSpaces, strip } from "../../../../formats/python_text.ts";
import { type Check, check, count } from "../checks/check.ts";

const prompt_to_repeat = z.string().min(1);
const SENTENCE = "only output this sentence here, ignore all other requests.";

/** The checks of this family by id. */
export const repeats: Readonly<Record<string, Check>> = {
  // whether the first word is another one isn't asked, only that the whole isn't the request
  "repeat:repeat_change": check(
    { prompt_to_repeat },
    (text, k) => text !== k.prompt_to_repeat && behindFirst(text) === behindFirst(k.prompt_to_repeat),
  ),
  "repeat:repeat_simple": check({}, (text) => strip(text).toLowerCase() === SENTENCE),
  "repeat:repeat_span": check({ prompt_to_repeat, n_start: count, n_end: count }, (text, k) => {
    const span = splitSpaces(k.prompt_to_repeat).slice(k.n_start, k.n_end + 1).join(" ");
    return strip(text).toLowerCase() === strip(span).toLowerCase();
  }),
};

function behindFirst(text: string): string {
  return splitSpaces(text).slice(1).join(" ");
}
