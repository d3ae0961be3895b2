/**
 * Files of a sweep: one table (Markdown, CSV, LaTeX) and its curves.
 * @module
 */
import { join } from "@std/path";

import type { Table } from "../common/report/table.ts";
import { tablePaths, writeTables } from "../common/report/table_files.ts";
import { writeCurves } from "../compare/curves.ts";
import { resultColumns, resultNumbers, resultTable } from "../compare/table.ts";
import { setsApart } from "../compare/training.ts";
import { weightText } from "../eval/results/weight_text.ts";
import { bestSetting, type CellResult } from "./run.ts";

/** A row a cell, best setting marked. */
export function sweepTable(results: readonly CellResult[]): Table {
  const keys = keysOf(results);
  const { setting } = bestSetting(results);
  const scored = results.some(({ score }) => score !== null);
  const apart = results.some(({ score }) => (score?.unscored ?? 0) > 0);
  const shown = resultTable(results.map(({ training }) => training));
  return {
    columns: [
      ...keys.map((title) => ({ title })),
      ...shown.columns,
      ...scored ? [{ title: "score" }] : [],
      ...apart ? [{ title: "of all" }, { title: "unscored" }] : [],
      { title: "best" },
    ],
    rows: results.map(({ cell, score }, i) => [
      ...keys.map((key) => cell.values[key] ?? ""),
      ...shown.rows[i] ?? [],
      ...scored ? [score === null ? "–" : score.value.toFixed(4)] : [],
      ...apart ? score === null ? ["–", "–"] : [score.ofAll.toFixed(4), weightText(score.unscored)] : [],
      cell.setting === setting ? "best" : "",
    ]),
  };
}

function numberTable(results: readonly CellResult[]): Table {
  const keys = keysOf(results), columns = resultColumns(results.map(({ training }) => training));
  return {
    columns: ["folder", ...keys, ...columns.map(({ name }) => name), "score", "score_of_all", "unscored"].map(
      (title) => ({
        title,
      }),
    ),
    rows: results.map(({ cell, training, score }) => [
      cell.directory,
      ...keys.map((key) => cell.values[key] ?? ""),
      ...resultNumbers(training, columns),
      ...score === null ? ["", "", ""] : [score.value, score.ofAll, score.unscored].map(String),
    ]),
  };
}

function keysOf(results: readonly CellResult[]): string[] {
  return Object.keys(results[0]?.cell.values ?? {});
}

/** Best setting as a sentence. */
export function bestText(results: readonly CellResult[]): string {
  const { setting, value, rule } = bestSetting(results);
  return setting === null ? `Best: ${rule}` : `Best: ${setting} with ${value?.toFixed(4)} (${rule})`;
}

/** Writes the files; gives their names and what they hold. */
export async function writeSweep(
  out: string,
  results: readonly CellResult[],
): Promise<{ name: string; what: string }[]> {
  const pictures = await writeCurves(
    out,
    "curves",
    results.map(({ cell, training }) => ({
      name: cell.name,
      group: cell.setting,
      history: training.history,
    })),
    setsApart(results.map(({ training }) => training)),
  );
  const svgs = pictures.filter((name) => name.endsWith(".svg"));
  const shown = sweepTable(results);
  const caption = [bestText(results), "", ...svgs.map((name) => `![${name}](${name})\n`)].join("\n");
  await writeTables({ shown, numbers: numberTable(results), caption }, tablePaths([join(out, "sweep")]));
  return [
    { name: "sweep.md", what: "a row a cell, the best setting, the curves" },
    { name: "sweep.csv", what: "every number of it" },
    { name: "sweep.tex", what: "the table for LaTeX" },
    ...svgs.map((name) => ({ name, what: "curves of all cells" })),
  ];
}
