/**
 * A pack's trees shared out over replicas: trees see nothing of each other, so where each is computed makes no difference.
 * @module
 */
import { i32, item } from "../../../formats/elements.ts";
import { type Pack, spread } from "../../../kernels/engine/packs/pack.ts";

/** Arrays that a replica is sent. */
export type PartArrays = Pick<Pack, "ids" | "until" | "positions" | "labelRows" | "labelIds">;

/** One replica's part of a pack. */
export interface Share {
  part: PartArrays;
  /** Row of the pack of each row of the part. */
  rows: Int32Array<ArrayBuffer>;
  /** Label of the pack of each label of the part. */
  labels: Int32Array<ArrayBuffer>;
}

/**
 * Shares of a pack, one a replica, balanced by cost; those of replicas that get no tree are empty.
 * @param pairCost Work of a pair of tokens that see each other, in units of a row's work
 */
export function sharePack(pack: Pack, replicas: number, pairCost: number): Share[] {
  const trees: { start: number; end: number; cost: number }[] = [];
  for (let start = 0; start < pack.ids.length;) {
    const end = i32(pack.until, start);
    let pairs = 0;
    for (let row = start; row < end; row++) pairs += i32(pack.until, row) - row;
    trees.push({ start, end, cost: end - start + pairCost * pairs });
    start = end;
  }
  return spread(trees.map(({ cost }) => cost), replicas).map((numbers) =>
    shareOf(pack, numbers.toSorted((a, b) => a - b).map((number) => item(trees, number)))
  );
}

function shareOf(pack: Pack, trees: readonly { start: number; end: number }[]): Share {
  const rows: number[] = [], until: number[] = [], labels: number[] = [], labelRows: number[] = [];
  for (const { start, end } of trees) {
    const moved = rows.length - start;
    for (let row = start; row < end; row++) {
      rows.push(row);
      until.push(i32(pack.until, row) + moved);
    }
    for (let l = lowerBound(pack.labelRows, start); l < pack.labelRows.length; l++) {
      const row = i32(pack.labelRows, l);
      if (row >= end) break;
      labels.push(l);
      labelRows.push(row + moved);
    }
  }
  const int = (list: number[]) => Int32Array.from(list);
  return {
    part: {
      ids: int(rows.map((row) => i32(pack.ids, row))),
      until: int(until),
      positions: int(rows.map((row) => i32(pack.positions, row))),
      labelRows: int(labelRows),
      labelIds: int(labels.map((l) => i32(pack.labelIds, l))),
    },
    rows: int(rows),
    labels: int(labels),
  };
}

/** First index whose value is `least` or more, of ascending values. */
function lowerBound(values: Int32Array, least: number): number {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (i32(values, middle) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
