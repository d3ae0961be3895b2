/**
 * Rules that decide by plain text inspection whether a response keeps a constraint: the 25 checks of IFEval under their
 * own ids ({@linkcode CHECKS}), and the ids of this project ({@linkcode OWN_RULES}) for what IFEval has no check for.
 * `case:lower` and `case:upper` differ from IFEval's `change_case:` in that they don't ask for English, which its
 * detector can't tell of a text such as "cat, dog".
 * @module
 */
import { z } from "zod";

import { checkOne } from "./check_one.ts";
import { type Check, check, type CheckModels } from "./checks/check.ts";
import { CHECKS } from "./checks/mod.ts";
import { escapePattern } from "../../../formats/tokenizer/patterns.ts";
import { stripEnds } from "../../../formats/python_text.ts";
import type { Verdict } from "../../kinds/judgement.ts";

const count = z.int().positive();
const phrase = z.string().trim().min(1);
const listFormat = z.enum(["comma", "semicolon", "slash", "lines", "numbered", "bullets"]);

/** Separators of a list's items. */
export type ListFormat = z.output<typeof listFormat>;

/** The rules that IFEval doesn't have, by id. Frozen. */
export const OWN_RULES: Readonly<Record<string, Check>> = Object.freeze({
  "case:lower": check({}, (text) => /\p{Ll}/u.test(text) && !/\p{Lu}/u.test(text)),
  "case:upper": check({}, (text) => /\p{Lu}/u.test(text) && !/\p{Ll}/u.test(text)),
  "startend:start_checker": check(
    { start_phrase: phrase },
    (text, { start_phrase }) =>
      new RegExp(
        `^${escapePattern(start_phrase)}${ENDS_IN_WORD.test(start_phrase) ? `(?!${WORD})` : ""}`,
        "iu",
      )
        .test(unquoted(text)),
  ),
  "startend:brackets": check({}, (text) => isWrappedIn(text, "[", "]")),
  "sentences:exact_number": check(
    { num_sentences: count },
    (text, { num_sentences }) => countSentences(text) === num_sentences,
  ),
  "list:number_items": check(
    { num_items: count },
    (text, { num_items }) => listItems(text).length === num_items,
  ),
  "list:format": check({ format: listFormat }, (text, { format }) => isInFormat(text, format)),
});

/** Every rule by its id. Frozen. */
const RULES: Readonly<Record<string, Check>> = Object.freeze({ ...CHECKS, ...OWN_RULES });

/** {@linkcode checkOne} on all rules. */
export function checkRule(
  id: string,
  kwargs: Record<string, unknown>,
  response: string,
  models: CheckModels | null = null,
): Verdict {
  return checkOne(RULES, { id, kwargs }, response, models);
}

/**
 * Items of a list: its numbered or bulleted lines if it has any, else its lines, else what commas, semicolons or
 * slashes set apart. A title line, quotes and brackets around the whole and end punctuation don't belong to an item.
 */
export function listItems(text: string): string[] {
  const body = listBody(text);
  const lines = body.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const marked = lines.filter((line) => MARKER.test(line));
  const pieces = marked.length > 0 ? marked : lines.length > 1 ? lines : body.split(/[,;/，、；／]/);
  return pieces.map((p) => p.replace(MARKER, "").trim().replace(/(?<![.!。！])[.!。！]+$/, "")).filter((p) =>
    /[\p{L}\p{N}]/u.test(p)
  );
}

/** A character that words go on with, of a script that sets blanks between them: in others it can't be seen what a word is. */
const WORD = String
  .raw`(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}])[\p{L}\p{N}_]`;
const ENDS_IN_WORD = new RegExp(`${WORD}$`, "u");
/** `1、2、3` are three numbers, `1、2个苹果` is an item. */
const MARKER = /^(?:(?:\d+[.)]|[*-])\s+|\d+[、．）](?!\d+(?:[^\p{L}\d]|$)))/u;

function isInFormat(text: string, format: ListFormat): boolean {
  const lines = listBody(text).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const first = lines[0] ?? "";
  switch (format) {
    case "numbered":
      return lines.length > 0 && lines.every((line, i) => line.startsWith(`${i + 1}. `));
    case "bullets":
      return lines.length > 0 && lines.every((line) => /^\* \S/.test(line));
    case "lines":
      return lines.length > 1 && lines.every((line) => !MARKER.test(line) && !/[,;/，、；／]/.test(line));
    default: {
      const mark = MARKS[format], others = Object.values(MARKS).filter((other) => other !== mark);
      return lines.length === 1 && mark.test(first) && !MARKER.test(first) &&
        !others.some((other) => other.test(first));
    }
  }
}

/** What sets items apart in a line, in Chinese too. */
const MARKS = { comma: /[,，、]/, semicolon: /[;；]/, slash: /[/／]/ };

function countSentences(text: string): number {
  // no match begins within a run of marks: tried from each of them, a long run takes quadratic time
  // Chinese and Japanese marks end a sentence without a blank behind them
  return listBody(text).split(/(?<![.!?])[.!?]+(?=["'\])]*(?:\s|$))|[。！？｡]/).filter((s) =>
    /[\p{L}\p{N}]/u.test(s)
  )
    .length;
}

/** Without a title line at the top and without quotes or brackets around the whole. */
function listBody(text: string): string {
  const body = text.trim().replace(/^<<[^\n]+>>\n/, "").trim();
  return isWrappedIn(body, '"', '"') || isWrappedIn(body, "[", "]") ? body.slice(1, -1).trim() : body;
}

function isWrappedIn(text: string, open: string, close: string): boolean {
  const t = text.trim();
  return t.length > 1 && t.startsWith(open) && t.endsWith(close);
}

function unquoted(text: string): string {
  return stripEnds(text.trim(), '"');
}
