/**
 * Lengths of packs where every new one costs work: a program is planned, and its bindings are made, once for each. Rows that
 * nothing sees and labels that weigh nothing fill a pack up to one of few lengths; what was packed keeps its numbers.
 * @module
 */
import type { Pack } from "./pack.ts";

/** Fewest rows between two lengths: a block of attention. */
const LEAST_STEP = 32;
/** Lengths between a power of two and the next. */
const LENGTHS = 16;

/** Rows rounded up to a multiple of 32 and to one of 16 lengths a power of two: above 512 rows at most 6 % are empty. */
export function paddedRows(rows: number): number {
  const step = Math.max(LEAST_STEP, 2 ** Math.ceil(Math.log2(Math.max(1, rows))) / (2 * LENGTHS));
  return Math.ceil(rows / step) * step;
}

/** Labels of the last chunk of a head, rounded up to a quarter of a chunk; of a long chunk to an eighth, and to a half or a quarter of that. */
export function paddedLabels(labels: number, chunk: number): number {
  const long = chunk > 256, step = Math.ceil(chunk / (long ? 8 : 4));
  if (long && labels <= step / 2) return Math.ceil(labels <= step / 4 ? step / 4 : step / 2);
  return Math.min(chunk, Math.ceil(labels / step) * step);
}

/** Tokens of a pack with rows behind them that see only themselves and that nothing is predicted from. */
export function padded({ ids, until, positions }: Pack): Pick<Pack, "ids" | "until" | "positions"> {
  const rows = paddedRows(ids.length),
    filled = (values: Int32Array, value: (row: number) => number) => {
      const all = Int32Array.from({ length: rows }, (_, row) => value(row));
      all.set(values);
      return all;
    };
  return {
    ids: filled(ids, () => 0),
    until: filled(until, (row) => row + 1),
    positions: filled(positions, () => 0),
  };
}
