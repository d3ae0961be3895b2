/**
 * Reads what a judge wrote of a response's criteria: an entry a criterion, its text, a tab, 0 or 1; entries apart by a
 * blank line.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";

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

/** The released code's fallback: scores of lines with exactly one tab. It keeps only ones, zeros are lost. */
export function readOnes(text: string): number[] {
  return entriesOf(text).map(([, score]) => score).filter((score) => score !== 0);
}

/**
 * Tolerant reading: lines with a tab and a score, in any order, matched to criteria by text (white space, numbering and
 * end punctuation apart), else by place when there are as many lines as criteria. Of several on one criterion the last
 * wins.
 *
 * @returns One verdict a criterion; null for those without an entry.
 */
export function readTolerant(text: string, criteria: readonly string[]): Verdict[] {
  const entries = entriesOf(text.replaceAll("\\t", "\t")); // judges copy the sign for a tab from their instructions
  const verdicts = criteria.map((): Verdict => ({ score: null, reason: "the judge gave no score" }));
  const keys = criteria.map(normalize);
  const byPlace = entries.length === criteria.length;
  const rest: [number, number][] = [];
  entries.forEach(([criterion, score], place) => {
    const same = keys.flatMap((key, i) => key === normalize(criterion) ? [i] : []);
    // Criteria of the same text are filled in order; a further entry changes the last of them.
    const at = same.find((i) => verdicts[i]!.score === null) ?? same.at(-1);
    if (at !== undefined) verdicts[at] = { score };
    else rest.push([place, score]);
  });
  for (const [place, score] of byPlace ? rest : []) {
    if (verdicts[place]!.score === null) verdicts[place] = { score };
  }
  return verdicts;
}

function entriesOf(text: string): [criterion: string, score: number][] {
  return text.split("\n").flatMap((line): [string, number][] => {
    const [criterion, score, ...more] = line.split("\t");
    const value = more.length === 0 ? toScore(score) : undefined;
    return value === undefined ? [] : [[criterion!, value]];
  });
}

/** What Python's `float` makes 0 or 1 of. */
function toScore(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*[+-]?\d+(?:\.\d*)?\s*$/.test(text)) return undefined;
  const value = Number(text);
  return value === 0 || value === 1 ? Math.abs(value) : undefined;
}

function normalize(text: string): string {
  return text.normalize("NFKC").replace(/^\s*(?:[-*]\s+|\d+[.、)]\s*)/, "").replace(/\s+/g, "").replace(
    /[。.;;,]+$/,
    "",
  );
}
