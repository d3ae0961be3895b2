/**
 * IFBench's `format:*`: brackets, quotes, lists, lines and letters' case.
 * @module
 */
import { z } from "zod";
import { PUNCTUATION, splitSpaces, strip, stripEnds } from "../../../../formats/python_text.ts";
import { type Check, check } from "../checks/check.ts";
import { punktSentences } from "../punkt.ts";
import { pythonRegExp } from "../python_regexp.ts";
import { wordTokens } from "../word_tokens.ts";
import { bare, isUntitled, withoutMarks } from "./words.ts";

const PAIRS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
const DEPTH = 5;
const QUOTE_DEPTH = 3;
const LETTERED = pythonRegExp(String.raw`^\W*[aA]\W*[bB]\W*[cC]\W*`);
/** Single code points of the package emoji 2.16 (Unicode 17): V8 knows those of 16. */
const EMOJI =
  /^(?![0-9#*\u{1f1e6}-\u{1f1ff}])[\p{Emoji}\u{1f6d8}\u{1f6d9}\u{1fa8a}-\u{1fa8e}\u{1fac8}\u{1facc}\u{1facd}\u{1fadd}\u{1faea}\u{1faeb}\u{1faef}\u{1faf9}\u{1fafa}]$/u;
/** What may follow the last quote without explaining it. */
const AFTER_QUOTE = "0123456789" + PUNCTUATION.replace('"', "");

/** The checks of this family by id. */
export const formats: Readonly<Record<string, Check>> = {
  "format:parentheses": check({}, (text) => nestsBrackets(text)),
  "format:quotes": check({}, (text) => nestsQuotes(text)),
  "format:options": check({ options: z.string() }, (text, k) => {
    const separator = ["/", "or"].find((sign) => k.options.includes(sign)) ?? ",";
    const options = k.options.split(separator).map(strip);
    if (LETTERED.test(k.options)) return options.includes(text);
    const given = bare(text).toLowerCase();
    return options.some((option) => bare(option).toLowerCase() === given);
  }),
  "format:newline": check({}, (text) => {
    const plain = strip(withoutMarks(text));
    return plain.split("\n").filter((line) => line !== "").length === splitSpaces(plain).length;
  }),
  "format:emoji": check({}, (text, _, { punkt }) => {
    const sentences = punktSentences(text, punkt).map((sentence) => [...strip(withoutMarks(sentence))]);
    return sentences.every((letters, i) => {
      if (letters.length === 0) return false;
      if (letters.slice(-2).some((letter) => EMOJI.test(letter))) return true;
      return EMOJI.test(sentences[i + 1]?.[0] ?? "");
    });
  }),
  "format:line_indent": check({}, (text) => {
    const indents = withoutSomeBlanks(text.split("\n")).map((line) =>
      line.length - stripEnds(line, " ", "left").length
    );
    return indents.slice(1).every((indent, i) => indent > (indents[i] ?? 0));
  }),
  "format:quote_unquote": check({}, (text) => {
    const plain = splitSpaces(text.replaceAll(`'"'`, "")).join("");
    return !plain.includes('""') && !stripEnds(plain, AFTER_QUOTE).endsWith('"');
  }),
  // anywhere in a line
  "format:list": check({ sep: z.string().min(1) }, (text, k) => text.split(k.sep).length > 2),
  "format:thesis": check({}, (text) => {
    const start = found(text.indexOf("<i>"), () => text.indexOf("<em>"));
    if (start < 0) return false;
    const rest = text.slice(start);
    const end = found(rest.indexOf("</i>"), () => rest.indexOf("</em>"));
    // the length of <i> and </i> of both tags: of <em> a ">" is left over
    return end >= 0 && strip(rest.slice(3, end)) !== "" && strip(rest.slice(end + 4)) !== "";
  }),
  "format:sub-bullets": check({}, (text) => text.split("*").slice(1).every((bullet) => bullet.includes("-"))),
  "format:no_bullets_bullets": check({}, (text, _, { punkt }) => {
    let sentences = 0, bullets = 0, open = true;
    for (const line of text.split("\n").map(strip)) {
      if (line.startsWith("*")) {
        if (sentences < 2) return false;
        open = false;
        bullets++;
      } else if (open) {
        const here = punktSentences(line, punkt).length;
        // a line without a sentence must be followed by a bullet
        open = here > 0;
        sentences += here;
      } else return false;
    }
    return bullets >= 2;
  }),
  "format:title_case": check({}, (text, _, { punkt }) => !wordTokens(text, punkt).some(isUntitled)),
  "format:output_template": check(
    {},
    (text) => ["My Answer:", "My Conclusion:", "Future Outlook:"].every((label) => text.includes(label)),
  ),
  "format:no_whitespace": check({}, (text) => splitSpaces(text)[0] === text),
};

function found(place: number, otherwise: () => number): number {
  return place < 0 ? otherwise() : place;
}

/** True where brackets that reach the depth begin to close; a bracket that closes no open one begins anew. */
function nestsBrackets(text: string): boolean {
  let open: string[] = [], deepest = 0;
  for (const letter of text.match(/[()[\]{}]/g) ?? []) {
    const opening = PAIRS[letter];
    if (opening === undefined) deepest = Math.max(deepest, open.push(letter));
    else if (open.at(-1) !== opening) [open, deepest] = [[], 0];
    else if (deepest >= DEPTH) return true;
    else open.pop();
  }
  return false;
}

/** True where the quotes that are open have gone back by the depth: apostrophes are quotes too. */
function nestsQuotes(text: string): boolean {
  const open: string[] = [];
  let deepest = 0;
  for (const letter of text.match(/["']/g) ?? []) {
    if (open.at(-1) !== letter) deepest = Math.max(deepest, open.push(letter));
    else {
      open.pop();
      if (deepest - open.length >= QUOTE_DEPTH) return true;
    }
  }
  return false;
}

/**
 * Without the blank lines that a Python loop takes out of the list that it walks over: it skips the line behind each, and takes
 * the first equal line, not the one it stands at.
 */
function withoutSomeBlanks(lines: readonly string[]): string[] {
  const places = new Map<string, number[]>();
  lines.forEach((line, i) => {
    if (strip(line) !== "") return;
    const same = places.get(line);
    if (same === undefined) places.set(line, [i]);
    else same.push(i);
  });
  const gone = new Set<number>(), taken = new Map<string, number>();
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "", same = places.get(line);
    if (same === undefined) continue;
    const turn = taken.get(line) ?? 0;
    taken.set(line, turn + 1);
    gone.add(same[turn] ?? i);
    i++;
  }
  return lines.filter((_, i) => !gone.has(i));
}
