/**
 * Where verdicts stand in a judge's text: behind the phrases "fine grained score" and "overall score", or what they are in Chinese,
 * as a label with a colon, a heading, a key in snake_case or camelCase, or a cell of a table.
 * @module
 */
import { CHINESE_PHRASES, FINE_GRAINED_CHINESE, OVERALL_CHINESE } from "./chinese_headings.ts";
import { saidScaleAt } from "./scale.ts";

/** Phrases that a verdict stands behind. What a response says of them is broken before a judge sees it. */
export const VERDICT_PHRASES: readonly string[] = [
  "fine grained scores",
  "fine grained score",
  "overall score",
  ...CHINESE_PHRASES,
];

/** A phrase in a text. */
export interface Heading {
  /** Where it begins. */
  start: number;
  /** Where what it announces begins. */
  body: number;
  /** True if more than a blank sets it apart, or it begins a line: then it can't be a part of a sentence. */
  apart: boolean;
  /** Where the line below it begins, if nothing else stands in its line. */
  below?: number;
  /** The highest score of another scale than 0 to 10 that is said there. */
  other?: number;
}

const JOINT = "[\\s_*`~-]{0,3}";
const OVERALL = new RegExp(`overall${JOINT}score|${OVERALL_CHINESE}`, "gi");
const FINE_GRAINED = new RegExp(`fine${JOINT}grained${JOINT}scores?|${FINE_GRAINED_CHINESE}`, "gi");
const SETS_APART =
  /(?:(?<=[a-z=-])>|>(?! ?\d)|(?<=\n)>|[\s*_`"'“”’|#:=~→⇒]|[-–—](?=[\s-])|-(?=>)|\)(?=[\s*_]{0,3}[:=\n]))*/y;
/** Words between the phrase and the score that announce it, and set nothing apart. */
const ANNOUNCES =
  / is(?:,? (?:therefore|thus|then))?(?=[ :])|(?<=[分数數])(?:为|為|是)(?=[ :*[\d])|(?<=[分数數])如下(?=:)/iy;
/** A label of the line below the phrase. */
const LABEL = /(?:final )?(?:score|rating|得分|评分)(?=[*_`"' ]{0,3}[:=])/iy;
/** The scale as a bare number between the phrase and the score. */
const SCALE = /[([]10(?: ?points?| ?分)?[)\]]/iy;
const LINE_START =
  /(?:^|\n)[\s*_`"'{[#>|-]{0,12}(?:(?:the|final|constraints?|约束|約束|最终|最終)[\s_*-]{0,3}){0,3}$/i;

/** Headings of the overall score, in order. */
export function overallHeadings(text: string): Heading[] {
  return headings(text, OVERALL).map((heading) => {
    const label = take(LABEL, text, heading.body);
    const body = heading.body + label.length;
    return label === "" ? heading : { ...heading, body: body + take(SETS_APART, text, body).length };
  });
}

/** Headings of the fine-grained scores, in order. */
export function fineGrainedHeadings(text: string): Heading[] {
  return headings(text, FINE_GRAINED);
}

function headings(text: string, phrase: RegExp): Heading[] {
  return [...text.matchAll(phrase)].map(({ index, 0: found }) => {
    const length = found.length + take(ANNOUNCES, text, index + found.length).length;
    let marks = take(SETS_APART, text, index + length);
    const place = index + length + marks.length;
    const said = saidScaleAt(text, place);
    const scale = said?.said ?? take(SCALE, text, place);
    if (scale !== "" && !isScore(marks, scale, text.slice(place + scale.length))) {
      marks += scale + take(SETS_APART, text, place + scale.length);
    }
    const lineBreak = marks.indexOf("\n");
    return {
      start: index,
      body: index + length + marks.length,
      apart: /[^ ]/.test(marks) || LINE_START.test(text.slice(Math.max(0, index - 48), index)),
      ...(said !== undefined && said.limit !== 10 && { other: said.limit }),
      ...(lineBreak >= 0 && { below: index + length + lineBreak + 1 }),
    };
  });
}

/** `[10]`, `(10)` or `(10分)` behind a colon or below is the score itself, unless another number follows. */
function isScore(marks: string, scale: string, behind: string): boolean {
  if (!/^[([]10(?: ?points?| ?分)?[)\]]$/i.test(scale)) return false;
  const next = behind.slice(0, 12);
  return /[:=]/.test(marks)
    ? !/^(?:[ *_`~=-]{0,4}[[(]{0,2}\d|\s{0,4}\[\[)/.test(next)
    : marks.includes("\n") && !/^[\s*_`~:=-]{0,6}[[(]{0,2}\d/.test(next);
}

function take(pattern: RegExp, text: string, index: number): string {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0] ?? "";
}
