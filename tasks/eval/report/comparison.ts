/**
 * A comparison of two runs as text and as tables in files.
 * @module
 */
import { dirname } from "@std/path";

import { makeFolder } from "../../../formats/atomic.ts";
import { counted } from "../../../formats/counted.ts";
import { textTable, wrapped } from "../../common/report/table.ts";
import { type TableFiles, writeTables } from "../../common/report/table_files.ts";
import type { Comparison } from "../compare/compare.ts";
import { comparisonNumbers, ofAllTable, scoreTable, unscoredNotes } from "./comparison_tables.ts";

/** Ids that a list names at most. */
const MOST_IDS = 10;

/** A run's own report has percent, which would hide small differences. */
const UNIT = "shares are fractions of 1 (0.5 is 50 %)";

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
    ...textTable(scoreTable(comparison, { ofAll: false }), width),
    "",
    ...ofAll === null ? [] : [...textTable(ofAll, width), ""],
    ...wrapped(idList(`${headline}: ${counted(better.length, "item")} better in B`, better), width),
    ...wrapped(idList(`${headline}: ${counted(worse.length, "item")} worse in B`, worse), width),
  ].join("\n");
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
    shown: scoreTable(comparison, { ofAll: true }),
    numbers: comparisonNumbers(comparison),
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
