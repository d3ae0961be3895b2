/**
 * Reads what a judge wrote of a response's criteria: one entry per criterion, its text, a tab, 0 or 1; entries apart by a
 * blank line.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";
import { assignScores, type NamedScore, unread } from "../trace/reading/named_scores.ts";
import { tellingReply } from "../trace/reading/no_score.ts";
import { OWN, OwnTexts } from "../trace/reading/own_texts.ts";
import { pythonFloat } from "./python_float.ts";

/**
 * Strict reading: as many entries as criteria, each with the criterion's very text.
 *
 * @returns The scores in order, undefined when anything differs.
 */
export function readStrict(text: string, criteria: readonly string[]): number[] | undefined {
  const entries = text.split("\n\n");
  if (entries.length !== criteria.length) return undefined;
  const scores = entries.map((entry, i) => {
    const [criterion, score, ...more] = entry.split("\t");
    return criterion === criteria[i] && more.length === 0 ? toScore(score) : undefined;
  });
  return scores.every((score) => score !== undefined) ? scores : undefined;
}

/** Scores of lines with exactly one tab: the released code's fallback, which keeps only the ones of them and loses zeros. */
export function readEntries(text: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [, score, ...more] = line.split("\t");
    return (more.length === 0 ? toScore(score) : undefined) ?? [];
  });
}

/**
 * Tolerant reading: lines with a tab and a score, in any order, given to criteria by {@linkcode assignScores}. Of several on
 * one criterion the last wins. Criteria of several lines are known as a whole, and a line whose score isn't one leaves none to others.
 *
 * @returns One verdict per criterion; null for those without an entry.
 */
export function readTolerant(text: string, criteria: readonly string[]): Verdict[] {
  const own = new OwnTexts(criteria);
  const tabbed = text.replaceAll("\\t", "\t"); // judges copy the sign for a tab from their instructions
  const verdicts = assignScores(
    own.hide(tabbed).replace(BREAK_BEFORE_TAB, "$1\t").split("\n").flatMap((line): NamedScore[] => {
      const [criterion = "", score, ...more] = line.split("\t");
      if (score === undefined) return [];
      const value = more.length === 0 ? toScore(withoutDress(score)) : undefined;
      const name = own.name(criterion);
      return [value === undefined ? unread(name) : { names: [name], verdict: { score: value } }];
    }),
    criteria.map((criterion) => ({ text: criterion })),
  );
  return verdicts.map((verdict) => tellingReply(verdict, text));
}

/** A criterion that ends with a line break of its own, as one of the released rows has. */
const BREAK_BEFORE_TAB = new RegExp(`(${OWN}) ?\\r?\\n\\t`, "g");

/**
 * What stands behind a tab without what judges dress a number in: `**1**`, `得分：1`, `1分`, `[1]`. What the released code doesn't read;
 * nothing else is taken away.
 */
export function withoutDress(cell: string): string {
  const [, inner] = DRESSED.exec(cell.trim()) ?? [];
  return inner ?? cell;
}

const DRESSED =
  /^[*_`]{0,3}(?:(?:得分|评分|打分|分数|結果|结果|score) ?[:：] ?)?[*_`]{0,3}[[【(（]?([\p{Nd}.]{1,8})[\]】)）]? ?分?[*_`]{0,3}[。.;；]?$/iu;

/** Texts that Python's `float` reads as 0 or 1. */
function toScore(text: string | undefined): number | undefined {
  const value = text === undefined ? undefined : pythonFloat(text);
  return value === 0 || value === 1 ? Math.abs(value) : undefined;
}
