/**
 * `detectable_content:*`: placeholders in square brackets, and postscripts.
 * @module
 */
import { z } from "zod";
import { pythonRegExp } from "../python_regexp.ts";
import { type Check, check, count } from "./check.ts";

/** The checks of this family by id. */
export const detectableContent: Readonly<Record<string, Check>> = {
  "detectable_content:number_placeholders": check(
    { num_placeholders: count },
    (text, k) => placeholders(text) >= k.num_placeholders,
  ),
  // Upstream's patterns have white space before and the rest of the line behind: neither changes whether they match.
  "detectable_content:postscript": check(
    { postscript_marker: z.string() },
    (text, k) => postscript(k.postscript_marker).test(text.toLowerCase()),
  ),
};

/** Matches of `\[.*?\]`, by hand: the pattern takes quadratic time on a run of "[". */
function placeholders(text: string): number {
  let found = 0;
  for (const line of text.split("\n")) {
    for (let open = line.indexOf("["); open !== -1;) {
      const close = line.indexOf("]", open + 1);
      if (close === -1) break;
      found++;
      open = line.indexOf("[", close + 1);
    }
  }
  return found;
}

function postscript(marker: string): RegExp {
  if (marker === "P.P.S") return pythonRegExp(String.raw`p\.\s?p\.\s?s`);
  if (marker === "P.S.") return pythonRegExp(String.raw`p\.\s?s\.`);
  return pythonRegExp(marker.toLowerCase());
}
