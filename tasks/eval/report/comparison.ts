/**
 * A comparison of two runs as text, as tables in files, and as a gate.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { dirname } from "@std/path";

import { makeFolder } from "../../../formats/atomic.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import { type Table, textTable, wrapped } from "../../common/report/table.ts";
import { type TableFiles, writeTables } from "../../common/report/table_files.ts";
import type { Comparison } from "../compare/compare.ts";
import type { PairedScore } from "../statistics/paired.ts";
import { weightText } from "../results/weight_text.ts";

/** Ids that a list names at most. */
const MOST_IDS = 10;

/** A run's own report has percent, which would hide small differences. */
const UNIT = "shares are fractions of 1 (0.5 is 50 %)";

/** Rounding of a sum must not decide. */
const TINY = 1e-12;

/**
 * The comparison for a terminal: no line is wider than it, and lists of ids are short (all of them are in the JSON).
 * @param width Characters a line; default: the terminal's
 */
export function comparisonText(comparison: Comparison, width?: number): string {
  const { models, benchmark, shared, unshared, flipped, headline, notes } = comparison;
  const better = flipped.filter((f) => f.second > f.first);
  const worse = flipped.filter((f) => f.second < f.first);
  const lines = [
    `A: ${models[0]}`,
    `B: ${models[1]}`,
    `on ${benchmark}, ${shared} items in both${
      unshared > 0 ? `, ${unshared} in one only (left out)` : ""
    }; ${UNIT}`,
    ...[...notes, ...unscoredNotes(comparison)].map((note) => `note: ${note}`),
  ];
  const ofAll = ofAllTable(comparison);
  return [
    ...lines.flatMap((line) => wrapped(line.split(" "), width)),
    "",
    ...textTable(scoreTable(comparison), width),
    "",
    ...ofAll === null ? [] : [...textTable(ofAll, width), ""],
    ...wrapped(idList(`${headline}: ${counted(better.length, "item")} better in B`, better), width),
    ...wrapped(idList(`${headline}: ${counted(worse.length, "item")} worse in B`, worse), width),
  ].join("\n");
}

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
  return Math.min(Math.abs(difference), Math.abs(b - a)) > TINY && difference * (b - a) < 0;
}

function idList(title: string, list: readonly { id: string }[]): string[] {
  if (list.length === 0) return title.split(" ");
  const ids = list.slice(0, MOST_IDS).map(({ id }) => id);
  const more = list.length - ids.length;
  return [
    ...`${title}:`.split(" "),
    ...`${ids.join(", ")}${more > 0 ? `, and ${more} more` : ""}`.split(" "),
  ];
}

/** Columns of a table. */
type ScoreColumns = readonly (readonly [title: string, of: (score: PairedScore) => string])[];

/** What both runs have over all items. */
const OF_ALL: ScoreColumns = [
  ["A of all", ({ ofAll: [a] }) => fixed(a)],
  ["B of all", ({ ofAll: [, b] }) => fixed(b)],
  ["unscored A : B", ({ unscored: [a, b] }) => `${weightText(a)} : ${weightText(b)}`],
];

/** The scores that leave something out, over all items; null where all is scored. */
function ofAllTable({ scores }: Comparison): Table | null {
  const partly = scores.filter(isPartly);
  return partly.length === 0 ? null : {
    columns: [{ title: "score", align: "left" }, ...OF_ALL.map(([title]) => ({ title }))],
    rows: partly.map((score) => [score.metric, ...OF_ALL.map(([, of]) => of(score))]),
  };
}

/** @param more Columns behind its own */
function scoreTable({ scores }: Comparison, more: ScoreColumns = []): Table {
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
      fixed(s.first),
      fixed(s.second),
      signed(s.difference),
      s.interval === null ? "–" : `${signed(s.interval[0])} to ${signed(s.interval[1])}`,
      s.mcnemar === null ? "" : s.mcnemar.p.toPrecision(3),
      s.mcnemar === null ? "" : `${s.mcnemar.onlyFirst} : ${s.mcnemar.onlySecond}`,
      fixed(s.stderr),
      String(s.items),
      ...more.map(([, of]) => of(s)),
    ]),
  };
}

/** Every number of the comparison, for other programs. */
function numberTable({ scores }: Comparison): Table {
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

/** The comparison for files: what is read, and every number. */
function comparisonFiles(comparison: Comparison): TableFiles {
  const { models: [a, b], benchmark, shared, unshared, scores, notes } = comparison;
  const caption = [
    `A: ${a}, B: ${b}, on ${benchmark}, ${shared} items in both${
      unshared > 0 ? `, ${unshared} in one only (left out)` : ""
    }`,
    UNIT,
    ...scores.some(({ items }) => items === 0) ? ["–: no item has the score in both runs"] : [],
    ...unscoredNotes(comparison),
    ...notes,
  ];
  return {
    shown: scoreTable(comparison, scores.some(isPartly) ? OF_ALL : []),
    numbers: numberTable(comparison),
    caption: caption.join("; "),
  };
}

/** Writes the table into files; gives their paths. */
export async function writeComparison(
  comparison: Comparison,
  paths: readonly string[],
): Promise<readonly string[]> {
  for (const path of paths) makeFolder(dirname(path), "--out");
  return await writeTables(comparisonFiles(comparison), paths);
}

/**
 * Why the second run is worse in a score; null when it isn't. It is where its value is lower: over the items that both scored,
 * or over all of them with the unscored as misses.
 * @param metric Name of the score; "": the headline
 * @throws {RangeError} If there is no such score
 */
export function worseText(comparison: Comparison, metric: string): string | null {
  const score = scoreNamed(comparison, metric);
  const { metric: name, first, second, interval, mcnemar, ofAll: [allFirst, allSecond], items, unscored } =
    score;
  if (first !== null && second !== null && second < first - TINY) {
    const ends = interval === null ? "" : `; 95 %: ${signed(interval[0])} to ${signed(interval[1])}`;
    const p = mcnemar === null ? "" : `, p = ${mcnemar.p.toPrecision(3)}`;
    return `Worse: ${name} is ${fixed(second)} after ${fixed(first)} (${signed(second - first)}${ends}${p}; ${
      counted(items, "item")
    })`;
  }
  // nothing scored is no 0, but doesn't open a gate either
  if (allFirst === null || (allSecond ?? 0) >= allFirst - TINY) return null;
  const now = allSecond === null ? "has no score" : `is ${fixed(allSecond)} of all`;
  return `Worse: ${name} ${now} after ${fixed(allFirst)}, what is unscored counting as misses ` +
    `(${weightText(unscored[0])} before, ${weightText(unscored[1])} now)`;
}

/**
 * Why a score tells nothing of the two runs; null where it does: no item has it in both.
 * @param metric Name of the score; "": the headline
 * @throws {RangeError} If there is no such score
 */
export function nothingComparedText(comparison: Comparison, metric = ""): string | null {
  // a benchmark of one's own may tell nothing of items without an answer
  if (metric === "" && comparison.scores.length === 0) {
    return "Nothing compared: no item has a score in either run";
  }
  const { metric: name, items, unscored: [a, b] } = scoreNamed(comparison, metric);
  if (items > 0) return null;
  return `Nothing compared: no item has a score ${name} in both runs (unscored are ${weightText(a)} in A, ${
    weightText(b)
  } in B). ` +
    "The reasons stand in each run's report.md";
}

function scoreNamed({ scores, headline }: Comparison, metric: string): PairedScore {
  const name = metric === "" ? headline : metric;
  const score = scores.find((s) => s.metric === name);
  if (score !== undefined) return score;
  const names = scores.map((s) => s.metric);
  throw new RangeError(
    `Cannot compare the score "${name}" as there is none of that name${didYouMean(name, names)}: known are ${
      names.join(", ")
    }`,
  );
}

function fixed(value: number | null): string {
  return value === null ? "–" : value.toFixed(4);
}

function signed(value: number | null): string {
  return value === null ? "–" : (value >= 0 ? "+" : "") + value.toFixed(4);
}
