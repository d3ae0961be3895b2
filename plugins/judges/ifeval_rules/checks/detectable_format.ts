/**
 * `detectable_format:*`: bullets, highlights, sections, titles, JSON, fixed answers.
 * @module
 */
import { z } from "zod";
import { pythonRegExp } from "../python_regexp.ts";
import { isPythonJson, strip, stripEnds } from "../../../../formats/python_text.ts";
import { type Check, check, count, matches } from "./check.ts";

// `[^\S\n]*` where upstream has `\s*`: the same lines match, in linear time on many blank ones.
const STAR_BULLET = pythonRegExp(String.raw`^[^\S\n]*\*[^\*].*$`, "gm");
const DASH_BULLET = pythonRegExp(String.raw`^[^\S\n]*-.*$`, "gm");
const ITALIC = pythonRegExp(String.raw`\*[^\n\*]*\*`, "g");
const BOLD = pythonRegExp(String.raw`\*\*[^\n\*]*\*\*`, "g");
const ANSWERS = ["My answer is yes.", "My answer is no.", "My answer is maybe."];

/** The checks of this family by id. */
export const detectableFormat: Readonly<Record<string, Check>> = {
  "detectable_format:number_bullet_lists": check(
    { num_bullets: count },
    (text, k) => matches(text, STAR_BULLET) + matches(text, DASH_BULLET) === k.num_bullets,
  ),
  "detectable_format:constrained_response": check(
    {},
    (text) => ANSWERS.some((answer) => text.includes(answer)),
  ),
  "detectable_format:number_highlighted_sections": check(
    { num_highlights: count },
    (text, k) => {
      const found = [...text.match(ITALIC) ?? [], ...text.match(BOLD) ?? []];
      return found.filter((part) => strip(part.replaceAll("*", "")) !== "").length >= k.num_highlights;
    },
  ),
  "detectable_format:multiple_sections": check(
    { section_spliter: z.string(), num_sections: count },
    (text, k) => {
      const heading = pythonRegExp(String.raw`\s?${strip(k.section_spliter)}\s?\d+\s?`);
      return text.split(heading).length - 1 >= k.num_sections;
    },
  ),
  "detectable_format:json_format": check({}, (text) => {
    let body = strip(text);
    for (const fence of ["```json", "```Json", "```JSON", "```"]) {
      if (body.startsWith(fence)) body = body.slice(fence.length);
    }
    return isPythonJson(strip(body.endsWith("```") ? body.slice(0, -3) : body));
  }),
  "detectable_format:title": check({}, (text) => text.split("\n").some(hasTitle)),
};

/** `<<[^\n]+>>` is greedy: from the first << to the last >> of the line. */
function hasTitle(line: string): boolean {
  const [open, close] = [line.indexOf("<<"), line.lastIndexOf(">>")];
  if (open === -1 || close < open + 3) return false;
  const title = line.slice(open, close + 2);
  return strip(stripEnds(stripEnds(title, "<", "left"), ">", "right")) !== "";
}
