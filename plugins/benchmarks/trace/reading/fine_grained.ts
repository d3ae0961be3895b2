/**
 * Finds the fine-grained scores in a judge's text: a list or map behind their heading, or lines below it.
 * @module
 */
import { fineGrainedHeadings, type Heading, overallHeadings } from "./headings.ts";
import { jsonScores } from "./json_scores.ts";
import { inlineScores } from "./inline_scores.ts";
import { labelOf, withoutLabel } from "./label.ts";
import { LEADING, lineScore } from "./line_score.ts";
import { lineScores } from "./line_scores.ts";
import type { NamedScore } from "./named_scores.ts";
import { OWN, OWN_AT } from "./own_texts.ts";
import { proseScores } from "./prose/prose_scores.ts";
import { retractionsIn } from "./retractions.ts";
import { readRelaxedJson } from "./relaxed_json.ts";
import { recordScores } from "./records.ts";
import { scoresAbove } from "./score_above.ts";
import { onOtherScale } from "./scale.ts";
import { scoreAt } from "./score_text.ts";
import { tableCells } from "./table_scores.ts";
import { verdictOf } from "./verdict_of.ts";

/** Scores of single constraints as found in a text. */
export interface FineGrained {
  /** The scores in their order. */
  scores: NamedScore[];
  /** Where they begin and end in the text. */
  from: number;
  /** As above. */
  to: number;
  /** True if the text ends within them: what is missing, or the last number itself, isn't known. */
  open: boolean;
}

/** Headings that are looked behind, from the last on. */
const TRIES = 4;

/** The last scores behind a heading; `text` is folded (plain_text.ts). */
export function findFineGrained(text: string, scale: number): FineGrained | undefined {
  const ends = overallHeadings(text).filter(({ apart }) => apart).map(({ start }) => start);
  let to = text.length, tries = 0;
  for (const heading of fineGrainedHeadings(text).reverse()) {
    const announced = announces(text, heading);
    if (announced && tries++ === TRIES) break;
    if (announced) {
      const found = inScale(behind(text, heading, { ends, limit: to, scale }), heading.other, scale);
      if (found.open || found.scores.some(({ names, unread }) => !unread || names.length > 0)) return found;
    }
    if (saysScores(text, heading, ends, to)) {
      return { scores: [], from: heading.start, to: heading.body, open: false };
    }
    if (announced) to = heading.start;
  }
  return undefined;
}

/** An entry that has a number: of a constraint's own text, of a line's number, of the word score. */
const NUMBERED_ENTRY = new RegExp(
  [
    String.raw`${OWN}[^\n]{0,200}\n?[^\n]{0,24}\d`,
    String.raw`(?:^|\n)[\s>*_|-]{0,6}(?:\d{1,2}[.):、]|(?:c|constraint|约束) ?\d{1,2})[^\n]{0,200}\d`,
    String
      .raw`(?:^|\n)[^\p{L}\d\n]{0,8}\p{L}{0,12}[ #_]{0,2}\d{1,2}[^\p{L}\d\n]{1,12}\p{L}{0,12}[^\p{L}\n]{0,8}\d`,
    String.raw`(?:^|\n)\s?<[^<>\n]{1,60}>[^\n]{0,60}\d`,
    String.raw`(?:^|\n)[^\n]{0,12}(?:score|rating|得分|评分)[^\n]{0,24}\d`,
  ].join("|"),
  "iu",
);

/** True for a label of entries with numbers that aren't understood: what was said before doesn't hold any more. */
function saysScores(text: string, heading: Heading, ends: readonly number[], limit: number): boolean {
  const { start, body, below, apart } = heading;
  const isLabel = apart && (below !== undefined || /[:=|][^\p{L}\d]*$/u.test(text.slice(start, body)));
  const end = Math.min(ends.find((place) => place >= body) ?? limit, limit, body + 4000);
  return isLabel && NUMBERED_ENTRY.test(text.slice(body, end));
}

/** Scores behind a heading that names another scale are none of ours. */
function inScale(found: FineGrained, other: Heading["other"], scale: number): FineGrained {
  if (other === undefined) return found;
  const scores = found.scores.map((score) => ({ ...score, verdict: onOtherScale(other, scale) }));
  return { ...found, scores };
}

/** True if a heading is followed by what can be scores. */
function announces(text: string, { body, below, apart }: Heading): boolean {
  return "[{".includes(text.charAt(codeStart(text, body)) || " ") || below !== undefined ||
    (apart && (scoreAt(text, body, 10) !== undefined || inlineScores(lineAt(text, body), 10) !== undefined ||
      isEntry(lineAt(text, body)) || proseScores(lineAt(text, body), 10) !== undefined ||
      LISTED.test(text.slice(body, body + 200)) || beginsTable(text.slice(body, body + 400))));
}

/** A list of numbers with their scores: `1: 10`, and `2: ` below it. */
const LISTED =
  /^[ *_\x60]{0,4}1 ?:[ *_\x60]{0,4}\d{1,2}(?![\d.]).{0,120}\n[ *_\x60]{0,4}2 ?:[ *_\x60]{0,4}\d/;

/** The head of a table, whose first sign the heading has taken, and the rule below it. */
const TABLE_HEAD =
  /^([^|\n]{0,80}(?:\|[^|\n]{0,80}){1,6})\n\s?(\|?(?: ?:?-{1,40}:? ?\|){1,8}(?: ?:?-{1,40}:?)?)\s?\n/;

/** True for a table's head and its rule; not where the heading itself is a cell of the head, whose columns would be told as others. */
function beginsTable(text: string): boolean {
  const [, head, rule] = TABLE_HEAD.exec(text) ?? [];
  return head !== undefined && rule !== undefined &&
    tableCells(head.trim()).length === tableCells(rule).length;
}

/** True if a line that stands behind a heading begins with what names a constraint, and has its score. */
function isEntry(line: string): boolean {
  const body = line.replace(/[*`]/g, "").replace(/^\s?[-•·+] ?/, "");
  const named = OWN_AT.test(withoutLabel(body).slice(0, 2)) || labelOf(body)?.worded === true;
  return named && lineScore(body, 10) !== undefined;
}

/** The language of a fenced block, a variable that the list is given to. */
const CODE = /^(?:(?:json|python|py|js|javascript)\s)?(?:(?:const |let )?[a-z_]\w{0,23} ?= ?(?=[[{]))?/i;

/** Where a list begins that has its language or variable in front of it. */
function codeStart(text: string, body: number): number {
  return body + (CODE.exec(text.slice(body, body + 48))?.[0].length ?? 0);
}

/** What stands behind a heading. */
function behind(
  text: string,
  heading: Heading,
  { ends, limit, scale }: { ends: readonly number[]; limit: number; scale: number },
): FineGrained {
  const { start: from, body, below = body } = heading;
  const first = codeStart(text, body);
  const isJson = "[{".includes(text.charAt(first) || " ") && !LEADING.test(text.slice(first, first + 24)) &&
    !ONE_NUMBER.test(text.slice(first, first + 24));
  if (isJson) {
    const json = readRelaxedJson(text, first);
    if (json !== undefined) {
      const behind = text.slice(json.end, ends.find((place) => place >= json.end) ?? limit);
      const scores = [...jsonScores(json.value, scale), ...retractionsIn(behind, scale)];
      return { scores, from, to: json.end, open: json.open };
    }
  }
  const end = ends.find((place) => place >= first) ?? limit;
  const lineEnd = text.lastIndexOf("\n", Math.min(end, limit)) + 1;
  const to = end === text.length || lineEnd <= first ? Math.min(end, limit) : lineEnd;
  return isJson
    ? { ...brokenScores(text.slice(first, to), scale, to === text.length), from, to }
    : { scores: behindHeading(text.slice(below, to), scale), from, to, open: false };
}

/** A number in brackets that something follows in its line: the number of what follows, not a list. */
const ONE_NUMBER = /^\[{1,2} ?[-+\d.]{1,6} ?\]{1,2}[ *_`]{0,4}(?:[^\s*_`.,;\]}]|\n[-•*]? ?\[)/;

/** A line that announces explanations, with nothing else in it. */
const EXPLANATION =
  /^[ \t*_#>`-]{0,8}(?:explanations?|reasons?|reasoning|rationales?|justifications?|analysis|解释|说明|理由|分析)[ \t*_`]{0,4}:?[ \t*_`]{0,4}$/gim;

/** Scores in front of a lone list of explanations, whose remarks may have numbers of their own; else those of all lines. */
function behindHeading(region: string, scale: number): NamedScore[] {
  const records = recordScores(region, scale) ?? proseScores(region, scale);
  if (records !== undefined) return records;
  const taken = retractionsIn(region, scale);
  const [explanation, ...more] = region.matchAll(EXPLANATION);
  if (explanation !== undefined && more.length === 0) {
    const scores = scoresOf(region.slice(0, explanation.index), scale);
    if (scores.length > 0) return [...scores, ...taken];
  }
  return [...scoresOf(region, scale), ...taken];
}

/** Scores in one line, or one in each. */
function scoresOf(region: string, scale: number): NamedScore[] {
  const lone = region.replace(/[*\x60]/g, "").trim();
  const above = scoresAbove(lone, scale);
  if (above !== undefined && region.endsWith("\n")) return above;
  const inline = lone.includes("\n")
    ? undefined
    : inlineScores(region.endsWith("\n") ? `${lone}\n` : lone, scale);
  return inline ?? lineScores(region, scale);
}

/** The text's line from a place on, with its line break; the whole of a long one isn't needed to see what it is. */
function lineAt(text: string, from: number): string {
  const line = text.slice(from, from + 2000);
  const end = line.indexOf("\n");
  return end < 0 ? line : line.slice(0, end + 1);
}

const PAIR =
  /["'”’] ?: ?["'“]?\s?(-?\d{1,4}(?:\.\d{1,6})?(?: ?\/ ?\d{1,4})? ?分?)["'”]?\s?(?=[,;}\]]|$)|["'”’] ?: ?(-?\d{1,4}(?:\.\d{1,6})?(?: ?\/ ?\d{1,4})?)(?=\n)/g;

/** Keys in quotes with a number behind them, in JSON that is broken elsewhere. */
function brokenScores(region: string, scale: number, last: boolean): Pick<FineGrained, "scores" | "open"> {
  let from = 0;
  const scores = [...region.matchAll(PAIR)].flatMap(
    ({ index, 0: whole, 1: inline, 2: broken }): NamedScore[] => {
      const key = region.slice(from, index).replace(/^[\s,;{}[\]]{0,8}["'“‘]?/, "");
      from = index + whole.length;
      const verdict = verdictOf(inline ?? broken ?? "", scale);
      return verdict === undefined ? [] : [{ names: [key], verdict }];
    },
  );
  return { scores, open: last && !/[}\]]/.test(region.slice(from)) };
}
