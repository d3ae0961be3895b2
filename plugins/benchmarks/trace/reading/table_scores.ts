/**
 * The scores of a table that a judge wrote: those of the column that is headed so; without such a head those right behind the
 * constraints, if no other column has any.
 * @module
 */
import { cellVerdict } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { OWN_AT } from "./own_texts.ts";
import { onOtherScale, otherScale } from "./scale.ts";

const HEADER_CELL =
  /^(?:(?:final )?(?:scores?|rating|grade|points?)(?: ?[([].{0,20}[)\]])?|分数|得分|评分|打分)(?: ?[([].{0,20}[)\]])?$/i;
const RULE_CELL = /^[-: ]*$/;

/** What a head says of the rows below. */
export interface TableHead {
  /** The column of scores. */
  column: number;
  /** Highest score of another scale. */
  other?: number;
}

/** The cells of a row; `line` has a `|`. */
export function tableCells(line: string): string[] {
  return line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

/**
 * Scores of the rows that stand together, in order.
 * @param head That of an earlier part of the table.
 * @param cut True if the text ends within the last row.
 */
export function tableScores(
  rows: readonly string[][],
  scale: number,
  cut: boolean,
  head?: TableHead,
): { scores: NamedScore[]; head?: TableHead } {
  const entries: { cells: string[]; head?: TableHead }[] = [];
  for (const cells of rows) {
    const found = headOf(cells, scale);
    if (found !== undefined) head = found;
    else if (cells.every((cell) => RULE_CELL.test(cell))) {
      // a head that doesn't name the scores' column
      if (head === undefined && entries.length === 1) entries.pop();
    } else entries.push({ cells, ...(head && { head }) });
  }
  const free = entries.filter((entry) => entry.head === undefined).map(({ cells }) => cells);
  const clear = free.every((cells) => isClear(cells, scale));
  const scores = entries.map(({ cells, head }, i) =>
    rowScore(cells, head, scale, clear, cut && i === entries.length - 1)
  );
  return { scores: scores.flat(), ...(head && { head }) };
}

function headOf(cells: readonly string[], scale: number): TableHead | undefined {
  const heads = cells.flatMap((cell, i) => HEADER_CELL.test(cell) ? [i] : []);
  const [column] = heads;
  if (column === undefined || cellVerdict(cells[column + 1] ?? "", scale) !== undefined) return undefined;
  if (heads.length > 1) return { column: -1 };
  const other = otherScale(cells[column] ?? "", scale);
  return { column, ...(other !== undefined && { other }) };
}

/** Where a row names its constraint: its own text, else the first cell that is no number. */
function nameCell(cells: readonly string[], scale: number): number {
  const own = cells.findIndex((cell) => OWN_AT.test(cell));
  if (own >= 0) return own;
  return Math.max(0, cells.findIndex((cell) => cell !== "" && cellVerdict(cell, scale) === undefined));
}

/** True if no cell behind a row's score could be one as well. */
function isClear(cells: readonly string[], scale: number): boolean {
  const name = nameCell(cells, scale);
  return cells.every((cell, i) =>
    i === name + 1 || i === name || (i === 0 && name === 1) || cellVerdict(cell, scale) === undefined
  );
}

function rowScore(
  cells: readonly string[],
  head: TableHead | undefined,
  scale: number,
  clear: boolean,
  cut: boolean,
): NamedScore[] {
  const place = head?.column ?? (cells.length === 1 ? 0 : nameCell(cells, scale) + 1);
  const names = cells.filter((cell, i) => i !== place && cell !== "" && i <= Math.max(place, 1));
  const verdict = cellVerdict(cells[place] ?? "", scale);
  if (verdict === undefined || (head === undefined && !clear)) {
    return cells.length === 1 ? [] : [unread(...names)];
  }
  if (cut && place === cells.length - 1) {
    return [{
      names: cells.slice(0, place),
      verdict: { score: null, reason: "the judge's text ends within a row" },
      cut: true,
    }];
  }
  return [{ names, verdict: head?.other === undefined ? verdict : onOtherScale(head.other, scale) }];
}
