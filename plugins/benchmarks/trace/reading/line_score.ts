/**
 * The score of one line that a judge wrote about a constraint. A number is taken only where nothing else can be meant: not the
 * line's own number, not one of the constraint's text (own_texts.ts), not a count in a remark.
 * @module
 */
import { behindSign, COUNTED_LAST, hasUnit, NUMBERS_OWN, separators } from "./behind_sign.ts";
import { labelOf } from "./label.ts";
import { labelPart, type LineScore, nameParts, ownBehind, scoreWithNames } from "./line_names.ts";
import type { NamedScore } from "./named_scores.ts";
import { OWN, OWN_AT } from "./own_texts.ts";
import { ENDS, tellsSeveral } from "./prose/references.ts";
import { scoreAt, type ScoreText } from "./score_text.ts";
import { REMARK, verdictOf, verdictOfScore } from "./verdict_of.ts";

const BULLET = /^(?:[•·>] ?|[-+](?: |(?!\d))|#{1,6} ?(?!\d))/;
/** A score in parentheses that says what it is, before a remark. */
const MARKED =
  /[([](?:(?:score|得分|评分)[: ]{1,2}([-+\d./ ]{1,16})|([-+\d. ]{1,8}(?:\/ ?[\d.]{1,8}|points?|分)))[)\]] ?[:–—-] /i;
/** A score with its scale or unit in front of the constraint: `[8/10] the text`, `8分：the text`. */
export const LEADING: RegExp =
  /^(?:[([]([-+\d. ]{1,8}(?:\/ ?[\d.]{1,8}|points?|分))[)\]]|([-+]?\d{1,3}(?:\.\d{1,3})?(?: ?\/ ?\d{1,3}| out of \d{1,3}| ?points?| ?分)))(?: ?[:–—-] ?| ?)(?=[^\s\d.,;:}\]()\/-]|\(?\d{1,3}[.)、])/i;
/** Two numbers in front of a text, one of which is the constraint's: `[1] 2. text`, `8 - 1. text`. */
const TWO_NUMBERS = new RegExp(
  String
    .raw`^[([]{0,2}[-+]?\d{1,3}[)\].、:]{0,3} ?[-–—:]? ?(?:\d{1,3}[.)、:]|\(\d{1,3}\))[ "'“]{0,2}(?:\p{L}|${OWN})`,
  "u",
);
/** Several scores in a line, each behind its number: `1. 8 2. [9]`. */
const SEVERAL =
  /^[([]?\d{1,3}[.)\]、].{0,400}[\s,;]\d{1,2}(?:[)、]|\.(?!\d))\s?[[(]{0,2}(?:\d|score|得分|评分)/i;
/** Two constraints by their numbers, each with its score. */
const SEVERAL_NAMED =
  /(?<![\p{L}\d])(c|constraint|criterion|约束|要求|条件|第) ?\d{1,2}[条項项]? ?[:=].{1,400}(?<![\p{L}\d])\1 ?\d{1,2}[条項项]? ?[:=]\s?[[(]{0,2}\d/iu;
/** A constraint's number with the one that its text begins with: `Constraint 4: 4. a text`. */
const REPEATED = new RegExp(
  String
    .raw`^((?:constraint|criterion|requirement|rule|约束|要求|条件|检查点) ?#?(\d{1,2})[:.)、 -]{1,3})["“]?\2[.)、] ?(?=["“]?(?:\p{L}|${OWN}))`,
  "iu",
);
/** A line's number again, at its end, behind which the constraint's text would stand. */
const NUMBER_LAST = /^[^\p{L}\d]{0,4}(?:\p{L}{1,12} ?)?(\d{1,2})[^\p{L}\d]{1,6}\1[.)、:] ?["“]?$/u;
/** Double brackets of a line that are looked at, since each look reads all of it. */
const BRACKETS = 4;

/**
 * The score of one line and what stands before it.
 * @param line The line; with a line break at its end unless the whole text ends with it. Constraints are hidden.
 * @returns undefined when there is none, or none that is certain.
 */
export function lineScore(line: string, scale: number): LineScore | undefined {
  const body = line.replace(BULLET, "").replace(REPEATED, "$1").replace(
    /\b(score|rating) of (?=[\d[*(])/i,
    "$1: ",
  );
  if (!line.endsWith("\n") && NUMBER_LAST.test(body)) return undefined;
  if (TWO_NUMBERS.test(body) || SEVERAL.test(body) || SEVERAL_NAMED.test(body)) return undefined;
  if (tellsSeveral(body.split(ENDS))) return undefined;
  return inDoubleBrackets(body, scale) ?? marked(body, scale) ?? leading(body, scale) ??
    signed(body, scale) ?? besideOwn(body, scale) ?? inParentheses(body, scale) ?? alone(body, scale);
}

function inDoubleBrackets(body: string, scale: number): LineScore | undefined {
  for (const { index } of body.matchAll(/\[\[/g).take(BRACKETS)) {
    const found = scoreAt(body, index, scale);
    if (found === undefined) return undefined;
    if (!isText(body, index, found, scale)) return scoreWithNames(body, index, found, scale);
  }
  return undefined;
}

function marked(body: string, scale: number): LineScore | undefined {
  const marked = MARKED.exec(body);
  if (marked !== null && COUNTED_LAST.test(body.slice(0, marked.index))) return undefined;
  const found = marked === null ? undefined : scoreAt(`${marked[1] ?? marked[2]}\n`, 0, scale);
  return marked === null || found === undefined
    ? undefined
    : scoreWithNames(body, marked.index, { ...found, end: marked.index + marked[0].length }, scale);
}

/** A score in front of its constraint, where the line has no other. */
function leading(body: string, scale: number): LineScore | undefined {
  const leading = LEADING.exec(body);
  if (leading === null) return undefined;
  const found = scoreAt(`${leading[1] ?? leading[2]}\n`, 0, scale);
  const rest = body.slice(leading[0].length);
  if (found === undefined || behindSign(rest, scale) !== undefined) return undefined;
  return {
    names: nameParts(rest.replace(/^[\s:–—-]{1,3}/, "")),
    verdict: verdictOfScore(found, scale),
    ...ordinalOf(body, true),
  };
}

function signed(body: string, scale: number): LineScore | undefined {
  const score = behindSign(body, scale);
  return score === undefined ? undefined : scoreWithNames(body, score.start, score.found, scale);
}

/** The score right behind the constraint's own text. */
function besideOwn(body: string, scale: number): LineScore | undefined {
  const own = body.search(OWN_AT);
  if (own < 0 || /[\p{L}]/u.test(body.slice(labelOf(body)?.length ?? 0, own))) return undefined;
  const gap = /^["'”’.;,]{0,2}\s?/.exec(body.slice(own + 1))?.[0].length ?? 0;
  const found = scoreAt(body, own + 1 + gap, scale);
  return found === undefined ? undefined : scoreWithNames(body, own + 1, found, scale);
}

function inParentheses(body: string, scale: number): LineScore | undefined {
  const last = /[([](?:score:? ?)?([-+\d./ ]{1,16}(?:points?|分)?)[)\]][.;]?\s?$/i.exec(body);
  if (last === null || labelPart(body).trim() === last[0].trim()) return undefined;
  const found = scoreAt(`${last[1]}\n`, 0, scale);
  const before = body.slice(0, last.index);
  const own = before.search(OWN_AT);
  const apart = own >= 0 && /[\p{L}\d]/u.test(before.slice(own + 1));
  if (found === undefined || apart || COUNTED_LAST.test(before) || !/[\p{L}\p{Co}]/u.test(before)) {
    return undefined;
  }
  return scoreWithNames(body, last.index, { ...found, end: body.length }, scale);
}

/** A score behind the line's number, or all of the line but a remark. */
function alone(body: string, scale: number): LineScore | undefined {
  const label = /^(?:[([]?\d{1,3}(?:[)\]、]{1,2}|[.)\]、]{1,2}(?!\d))|#\d{1,3}(?!\d))\s?/.exec(body)?.[0] ??
    worded(body);
  if (label !== "") {
    const found = scoreAt(body, label.length, scale);
    if (NUMBERS_OWN.test(body.slice(label.length, label.length + 12))) return undefined;
    if (found !== undefined && isOver(body, found)) return scoreWithNames(body, label.length, found, scale);
    if (!/^[([]\d{1,3}[)\]]\s?$/.test(body)) return undefined;
  }
  const found = scoreAt(body, 0, scale);
  if (found === undefined) return undefined;
  const behind = body.slice(found.end);
  const remark = /^[*_`"'”’$) ]{0,6}(?:[.;,]?\s*$|,? ?(?:because|since|as|due|given)\b|[;,(]|\/\/|# )/.exec(
    behind,
  );
  if (remark === null && !("off" in found)) return undefined;
  const bare = behind.trim() === "" || hasUnit(body, 0, found);
  return { ...scoreWithNames(body, 0, found, scale), ...ordinalOf(body, found.bracketed || bare) };
}

/** The number that a line begins with, if it may be its own: with a part behind a point, or `sure` that it is no score. */
function ordinalOf(body: string, sure: boolean): Pick<LineScore, "ordinal"> {
  const [, whole, part] = /^(\d{1,3})(\.\d)?/.exec(body) ?? [];
  return whole === undefined || (part === undefined && sure)
    ? {}
    : { ordinal: { whole: Number(whole), part: part !== undefined } };
}

/** `第2条得`, `Constraint 2`. */
function worded(body: string): string {
  const label = labelOf(body);
  if (label === undefined || !label.worded) return "";
  return body.slice(0, label.length) +
    (/^ ?(?:的?得分?|为|是|的?评分)?[:为是 ]{0,2}/.exec(body.slice(label.length))?.[0] ?? "");
}

/** True if a score is over, or the constraint follows. */
function isOver(body: string, found: ScoreText): boolean {
  return "off" in found || REMARK.test(body.slice(found.end, found.end + 16)) ||
    ownBehind(body, found.end) !== undefined || "cut" in found;
}

/** True for words in double brackets that belong to the constraint, `End with [[thanks]]: 9`: no verdict, and a score stands behind. */
function isText(body: string, start: number, found: ScoreText, scale: number): boolean {
  if (!("off" in found) || /\d|^\[\[ ?(?:n\/?a|none|null|not |无|不)/i.test(found.off)) return false;
  if (/[:=>→⇒—–-] ?$/.test(body.slice(0, start))) return false;
  return separators(body).some(([, place]) =>
    place >= found.end && scoreAt(body, place + 1, scale) !== undefined
  );
}

/** The verdict of a table's cell: a score, with the word before it or without. */
export function cellVerdict(cell: string, scale: number): NamedScore["verdict"] | undefined {
  const verdict = verdictOf(cell, scale);
  if (verdict !== undefined) return verdict;
  const word = /^(?:score|rating|得分|评分)[: ]{1,3}/i.exec(cell)?.[0];
  return word === undefined ? undefined : verdictOf(cell.slice(word.length), scale);
}
