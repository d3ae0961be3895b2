/**
 * Two evaluations item by item: those whose headline changed first.
 * @module
 */
import { compareRuns, type Comparison } from "../../eval/compare/compare.ts";
import { unscoredNotes } from "../../eval/report/comparison_tables.ts";
import { type ItemIndex, type ItemRow, PAGE_ROWS } from "./item_index.ts";

/** An item of both. */
export interface PairRow {
  /** Id. */
  id: string;
  /** Beginning of the prompt. */
  preview: string;
  /** In the first evaluation. */
  first: Pick<ItemRow, "status" | "value">;
  /** In the second one. */
  second: Pick<ItemRow, "status" | "value">;
}

/** Filter of pairs. */
export interface PairWish {
  /** `worse`, `better`: only those; `flipped`: both; `all`. */
  which: "all" | "flipped" | "worse" | "better";
  /** A text in either one's item. */
  search: string;
  /** The first to show. */
  from: number;
}

/** A page of pairs: worse ones, then better ones, then the rest. */
export function pairsPage(
  first: ItemIndex,
  second: ItemIndex,
  { which, search, from }: PairWish,
): { rows: PairRow[]; total: number } {
  const before = first.values(""), after = second.values("");
  const found = search.trim() === ""
    ? null
    : new Set([...first.values(search).keys(), ...second.values(search).keys()]);
  const worse: string[] = [], better: string[] = [], rest: string[] = [];
  for (const [id, { value: b }] of after) {
    const a = before.get(id)?.value;
    if (a === undefined || (found !== null && !found.has(id))) continue;
    if (a === null || b === null || a === b) rest.push(id);
    else (b < a ? worse : better).push(id);
  }
  const lists = { worse, better, flipped: [...worse, ...better], all: [...worse, ...better, ...rest] };
  const ids = lists[which];
  return {
    rows: ids.slice(from, from + PAGE_ROWS).flatMap((id) => rowOf(id, first, second)),
    total: ids.length,
  };
}

function rowOf(id: string, first: ItemIndex, second: ItemIndex): PairRow[] {
  const [a, b] = [first.row(id), second.row(id)];
  if (a === null || b === null) return [];
  const end = ({ status, value }: ItemRow) => ({ status, value });
  return [{ id, preview: b.preview, first: end(a), second: end(b) }];
}

/** Resamples of the bootstrap at most, while a person waits. */
const RESAMPLES = 1000;

/** Scores of both with the differences' intervals. Its lists of ids are left to {@linkcode pairsPage}. */
export async function pairScores(
  { run: a }: ItemIndex,
  { run: b }: ItemIndex,
): Promise<Omit<Comparison, "flipped">> {
  const { flipped: _, ...compared } = await compareRuns(
    a,
    b,
    Math.min(RESAMPLES, b.config.resamples),
    b.config.seed,
  );
  return { ...compared, notes: [...compared.notes, ...unscoredNotes(compared)] };
}
