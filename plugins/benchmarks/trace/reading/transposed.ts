/**
 * The scores of a table that has a column for each constraint and a row of scores.
 * @module
 */
import { labelOf } from "./label.ts";
import { cellVerdict } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { OWN_AT } from "./own_texts.ts";

/**
 * The scores of rows of which one alone begins with a cell that says so, below a row with the name of a constraint in each other cell.
 * @param isHead True for a cell that says `Score`.
 * @returns undefined when it isn't such a table.
 */
export function transposedScores(
  rows: readonly string[][],
  isHead: (cell: string) => boolean,
  scale: number,
): NamedScore[] | undefined {
  const [head = [], ...below] = rows;
  const names = head.slice(1);
  const [scores, ...more] = below.filter(([first = ""]) => isHead(first));
  if (scores === undefined || more.length > 0 || names.length === 0 || scores.length !== head.length) {
    return undefined;
  }
  if (head.some(isHead) || !(names.every(isNamed) || names.every((name, i) => name === String(i + 1)))) {
    return undefined;
  }
  return names.map((name, i) => {
    const verdict = cellVerdict(scores[i + 1] ?? "", scale);
    const label = /^\d+$/.test(name) ? `${name}.` : name;
    return verdict === undefined ? unread(label) : { names: [label], verdict };
  });
}

function isNamed(cell: string): boolean {
  return OWN_AT.test(cell) || labelOf(cell)?.worded === true;
}
