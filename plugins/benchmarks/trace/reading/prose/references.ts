/**
 * How a sentence names a constraint: `the second constraint`, `constraint 2`, `第二条约束`, its own text.
 * @module
 */
import { OWN, OWN_AT } from "../own_texts.ts";

/** Where a sentence ends: its mark, and what is behind begins another. */
export const ENDS: RegExp = /(?<=[。;]|[.!](?=\s)|[.!]["”’](?=\s))\s?(?=\S)/;
const ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth".split("|");
const NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten".split("|");
const CHINESE = "一二三四五六七八九十";
const NOUN = "(?:constraint|criterion|requirement|condition|checkpoint|rule|item|one)";
const CHINESE_NOUN = "(?:约束条件|约束|要求|条件|检查点|标准)";
const NUMBER = `(?:\\d{1,2}|${NUMBERS.join("|")})`;
const CHINESE_NUMBER = `(?:\\d{1,2}|[${CHINESE}])`;
/** The constraint's text beside its number, in brackets or quotes. */
const BESIDE = `(?: ?(?:\\(["“]?[^()"“”\\n]{1,160}["”]?\\)|["“「][^"“”「」\\n]{1,160}["”」]|:? ?${OWN}))?`;

/** A constraint as an English sentence names it, as a part of a regular expression. */
export const ENGLISH_REFERENCE: string = `(?:(?:the )?(?:${
  ORDINALS.join("|")
})(?: ${NOUN})?(?![\\w-])|${NOUN} ?#?${NUMBER}(?![\\w-])${BESIDE}|["“'‘]?${OWN}["”'’]?)`;

/** The same of a Chinese sentence. */
export const CHINESE_REFERENCE: string =
  `(?:第 ?${CHINESE_NUMBER} ?[条條个項项](?:${CHINESE_NOUN})?${BESIDE}|${CHINESE_NOUN} ?${CHINESE_NUMBER}(?![\\d${CHINESE}])${BESIDE}` +
  `|["“「]?${OWN}["”」]?(?:这一?[条項项])?)`;

const REFERENCES = new RegExp(`${CHINESE_REFERENCE}|\\b${ENGLISH_REFERENCE}|${OWN}`, "gi");
const NUMBERED = new RegExp(`\\d{1,2}|\\b(?:${[...ORDINALS, ...NUMBERS].join("|")})\\b|[${CHINESE}]`, "i");

/** A word that stands for what was named before, and has a number of its own. */
const POINTING = new RegExp(`[这本此]一?[条條項项]|\\b(?:this|it|(${ORDINALS.join("|")})) one\\b`, "gi");

/** All that a sentence says of constraints' names, in order. */
export function referencesIn(sentence: string): string[] {
  return [...sentence.matchAll(REFERENCES)].map(([found]) => found);
}

/** The names that a reference may mean: its text first, then its number as `Constraint 2`. */
export function namesOf(reference: string): string[] {
  const own = OWN_AT.exec(reference)?.[0];
  const number = NUMBERED.exec(reference.replace(POINTING, "$1"))?.[0];
  return [
    ...(own === undefined ? [] : [own]),
    ...(number === undefined ? [] : [`Constraint ${numberOf(number)}`]),
  ];
}

function numberOf(word: string): number {
  if (/^\d/.test(word)) return Number(word);
  const place = [ORDINALS, NUMBERS, [...CHINESE]].map((words) => words.indexOf(word.toLowerCase()));
  return Math.max(...place) + 1;
}

/** A sentence without these names. */
export function withoutReferences(sentence: string): string {
  return sentence.replace(REFERENCES, " ");
}

/** True if two sentences of a line name constraints with a number each: then it isn't one constraint's line. */
export function tellsSeveral(sentences: readonly string[]): boolean {
  return sentences.filter((sentence) => {
    const [named] = referencesIn(sentence);
    return named !== undefined && namesOf(named).some((name) => !OWN_AT.test(name)) &&
      /\d/.test(withoutReferences(sentence));
  }).length > 1;
}
