/**
 * The scores of a table that a judge wrote: those of the column that is headed so; without such a head those right behind the
 * constraints, if no other column has any.
 * @module
 */
import { cellVerdict, lineScore } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { OWN_AT } from "./own_texts.ts";
import { transposedScores } from "./transposed.ts";
import { onOtherScale, otherScale } from "./scale.ts";

const HEADER_CELL =
  /^(?:(?:final )?(?:scores?|rating|grade|points?)(?: ?[([].{0,20}[)\]])?|分数|得分|评分|打分)(?: ?[([].{0,20}[)\]])?$/i;
/** Heads of the highest score that a row can have. */
const LIMIT_CELL =
  /^(?:max(?:imum)?\.?(?: (?:score|points?))?|(?:out of|full|total|possible)(?: (?:score|points?|marks?))?|points? (?:possible|available)|满分|总分|分值|最高分|10)$/i;
/** Heads of the rows' names, whose numbers are constraints'. */
const NUMBER_CELL =
  /^(?:#|no\.?|nr\.?|id|index|number|\W*|(?:the )?(?:constraints?|criteri(?:on|a)|requirements?|checkpoints?|items?|rules?)(?: ?(?:#|no\.?|id|number))?|序号|编号|约束.{0,4}|要求|条件|检查点)$/i;
const ROW_NUMBER_CELL = /^(?:#|no\.?|nr\.?|id|index|number|序号|编号)$/i;
/** Heads of a column in which scores are given again. */
const AGAIN_CELL =
  /^(?:(?:revised|final|adjusted|corrected|updated|new)(?: (?:scores?|rating|grade|points?))?|(?:修正|调整|最终|修改).{0,4})$/i;
const RULE_CELL = /^[-: ]*$/;

/** What a head says of the rows below. */
export interface TableHead {
  /** The column of scores. */
  column: number;
  /** All of its cells. */
  cells: readonly string[];
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
  const across = cut ? undefined : transposedScores(rows, (cell) => HEADER_CELL.test(cell), scale);
  if (across !== undefined) return { scores: across };
  let nameless: string[] | undefined;
  const entries: { cells: string[]; head?: TableHead }[] = [];
  for (const cells of rows) {
    const found = headOf(cells, scale);
    if (found !== undefined) head = found;
    else if (cells.every((cell) => RULE_CELL.test(cell))) {
      // a head that doesn't name the scores' column
      if (head === undefined && entries.length === 1) nameless = entries.pop()?.cells;
    } else entries.push({ cells, ...(head && { head }) });
  }
  const free = entries.filter((entry) => entry.head === undefined).map(({ cells }) => cells);
  const numbered = nameless?.findIndex((cell) => ROW_NUMBER_CELL.test(cell)) ?? -1;
  const clear = free.every((cells) => isClear(cells, scale, numbered));
  const scores = entries.map(({ cells, head }, i) =>
    rowScore(cells, head, scale, { clear, cut: cut && i === entries.length - 1 })
  );
  return { scores: scores.flat(), ...(head && { head }) };
}

function headOf(cells: readonly string[], scale: number): TableHead | undefined {
  const heads = cells.flatMap((cell, i) => HEADER_CELL.test(cell) ? [i] : []);
  const [column] = heads;
  if (column === undefined || cellVerdict(cells[column + 1] ?? "", scale) !== undefined) return undefined;
  if (heads.length > 1 || cells.some((cell, i) => i !== column && AGAIN_CELL.test(cell))) {
    return { column: -1, cells };
  }
  const other = otherScale(cells[column] ?? "", scale);
  return { column, cells, ...(other !== undefined && { other }) };
}

/** Where a row names its constraint: its own text, else the first cell that is no number. */
function nameCell(cells: readonly string[], scale: number): number {
  const own = cells.findIndex((cell) => OWN_AT.test(cell));
  if (own >= 0) return own;
  return Math.max(0, cells.findIndex((cell) => cell !== "" && cellVerdict(cell, scale) === undefined));
}

/** True if no cell behind a row's score could be one as well. */
function isClear(cells: readonly string[], scale: number, numbered: number): boolean {
  const name = nameCell(cells, scale);
  if (numbered === name + 1) return false;
  return cells.every((cell, i) =>
    i === name + 1 || i === name || (i === 0 && name === 1 && /^\W{0,3}\d{1,2}\W{0,3}$/.test(cell)) ||
    cellVerdict(cell, scale) === undefined
  );
}

/** A score behind a sign at a cell's end. */
const SIGNED_LAST = /[:=—–→] ?[[(]{0,2}\d{1,2}(?:\.\d{1,2})?(?: ?\/ ?10)?[\])]{0,2}$/;

/** True if a cell that names a constraint has a score of its own, `a text: 8` in `a text: 8|6`, which isn't the row's. */
function hasOther(name: string, verdict: NamedScore["verdict"] | undefined, scale: number): boolean {
  if (!SIGNED_LAST.test(name)) return false;
  const own = lineScore(`${name}\n`, scale)?.verdict.score ?? null;
  return own !== null && own !== verdict?.score;
}

function rowScore(
  cells: readonly string[],
  head: TableHead | undefined,
  scale: number,
  { clear, cut }: { clear: boolean; cut: boolean },
): NamedScore[] {
  const place = head?.column ?? (cells.length === 1 ? 0 : nameCell(cells, scale) + 1);
  const own = cells.find((cell, i) => i !== place && OWN_AT.test(cell));
  const names = own !== undefined
    ? [own]
    : cells.filter((cell, i) =>
      i !== place && cell !== "" && i <= Math.max(place, 1) &&
      !(/^\d/.test(cell) && head !== undefined && !NUMBER_CELL.test(head.cells[i] ?? ""))
    );
  const verdict = cellVerdict(cells[place] ?? "", scale);
  const isOther = head === undefined && names.some((name) => hasOther(name, verdict, scale));
  if (verdict === undefined || (head === undefined && !clear) || isOther) {
    return cells.length === 1 ? [] : [unread(...names)];
  }
  if (cut && place === cells.length - 1) {
    return [{
      names: cells.slice(0, place),
      verdict: { score: null, reason: "the judge's text ends within a row" },
      cut: true,
    }];
  }
  const limit = head?.cells.findIndex((cell) => LIMIT_CELL.test(cell)) ?? -1;
  const most = /^(\d{1,4})(?:\.0+)?(?: ?(?:points?|分))?$/.exec(cells[limit] ?? "")?.[1] ?? scale;
  const other = head?.other ?? (Number(most) === scale ? undefined : Number(most));
  return [{ names, verdict: other === undefined ? verdict : onOtherScale(other, scale) }];
}
