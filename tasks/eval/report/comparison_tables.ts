/**
 * A comparison of two runs as tables: what is shown, what is of all items, and every number.
 * @module
 */
import type { Table } from "../../common/report/table.ts";
import type { Comparison } from "../compare/compare.ts";
import { weightText } from "../results/weight_text.ts";
import type { PairedScore } from "../statistics/paired.ts";

/** Rounding of a sum must not decide. */
export const ROUNDING = 1e-12;

/** What the tables' numbers are of where a run has unscored things, and which scores these turn; nothing where all is scored. */
export function unscoredNotes({ scores }: Pick<Comparison, "scores">): string[] {
  if (!scores.some(isPartly)) return [];
  const turned = scores.filter(turns).map(({ metric }) => metric);
  return [
    `A, B and their difference are of the items that have the score in both runs; "of all" counts the unscored as misses`,
    ...turned.length > 0
      ? [`with the unscored as misses it is the other way round: ${turned.join(", ")}`]
      : [],
  ];
}

function isPartly({ unscored: [a, b] }: PairedScore): boolean {
  return a + b > 0;
}

/** True if the run that is better where both have scores is the worse one with the unscored as misses. */
function turns({ difference, ofAll: [a, b] }: PairedScore): boolean {
  if (difference === null || a === null || b === null) return false;
  return Math.min(Math.abs(difference), Math.abs(b - a)) > ROUNDING && difference * (b - a) < 0;
}

/** Columns of a table. */
type ScoreColumns = readonly (readonly [title: string, of: (score: PairedScore) => string])[];

/** What both runs have over all items. */
const OF_ALL: ScoreColumns = [
  ["A of all", ({ ofAll: [a] }) => scoreValue(a)],
  ["B of all", ({ ofAll: [, b] }) => scoreValue(b)],
  ["unscored A : B", ({ unscored: [a, b] }) => `${weightText(a)} : ${weightText(b)}`],
];

/** The scores that leave something out, over all items; null where all is scored. */
export function ofAllTable({ scores }: Comparison): Table | null {
  const partly = scores.filter(isPartly);
  return partly.length === 0 ? null : {
    columns: [{ title: "score", align: "left" }, ...OF_ALL.map(([title]) => ({ title }))],
    rows: partly.map((score) => [score.metric, ...OF_ALL.map(([, of]) => of(score))]),
  };
}

/** The scores of both runs. `ofAll`: with what they have over all items, where they leave something out. */
export function scoreTable({ scores }: Comparison, { ofAll }: { ofAll: boolean }): Table {
  const more = ofAll && scores.some(isPartly) ? OF_ALL : [];
  return {
    columns: [
      { title: "score", align: "left" },
      { title: "A" },
      { title: "B" },
      { title: "B - A" },
      { title: "95 % interval" },
      { title: "p" },
      { title: "only A : B", spare: 2 },
      { title: "std. error", spare: 3 },
      { title: "items", spare: 1 },
      ...more.map(([title]) => ({ title })),
    ],
    rows: scores.map((s) => [
      s.metric,
      scoreValue(s.first),
      scoreValue(s.second),
      scoreDifference(s.difference),
      s.interval === null ? "–" : `${scoreDifference(s.interval[0])} to ${scoreDifference(s.interval[1])}`,
      s.mcnemar === null ? "" : s.mcnemar.p.toPrecision(3),
      s.mcnemar === null ? "" : `${s.mcnemar.onlyFirst} : ${s.mcnemar.onlySecond}`,
      scoreValue(s.stderr),
      String(s.items),
      ...more.map(([, of]) => of(s)),
    ]),
  };
}

/** Every number of the comparison, for other programs. */
export function comparisonNumbers({ scores }: Comparison): Table {
  const text = (value: number | null | undefined) =>
    value === null || value === undefined ? "" : String(value);
  const columns: [title: string, of: (score: PairedScore) => number | null | undefined][] = [
    ["a", (s) => s.first],
    ["b", (s) => s.second],
    ["difference", (s) => s.difference],
    ["low", (s) => s.interval?.[0]],
    ["high", (s) => s.interval?.[1]],
    ["stderr", (s) => s.stderr],
    ["mcnemar_p", (s) => s.mcnemar?.p],
    ["only_a", (s) => s.mcnemar?.onlyFirst],
    ["only_b", (s) => s.mcnemar?.onlySecond],
    ["items", (s) => s.items],
    ["a_of_all", (s) => s.ofAll[0]],
    ["b_of_all", (s) => s.ofAll[1]],
    ["a_unscored", (s) => s.unscored[0]],
    ["b_unscored", (s) => s.unscored[1]],
  ];
  return {
    columns: [{ title: "score" }, ...columns.map(([title]) => ({ title }))],
    rows: scores.map((score) => [score.metric, ...columns.map(([, of]) => text(of(score)))]),
  };
}

/** A value to four digits; – where there is none. */
export function scoreValue(value: number | null): string {
  return value === null ? "–" : value.toFixed(4);
}

/** A difference to four digits, with its sign. */
export function scoreDifference(value: number | null): string {
  return value === null ? "–" : (value >= 0 ? "+" : "") + value.toFixed(4);
}
