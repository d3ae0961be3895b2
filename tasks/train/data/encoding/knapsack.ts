/**
 * Bins of sequences for packing: LLaMA-Factory's `greedy_knapsack`.
 * @module
 */
import { item } from "../../../../formats/elements.ts";

/**
 * Fills bins one after the other, each time with the longest sequence that still fits.
 *
 * @param lengths Tokens of each sequence.
 * @param capacity Tokens of a bin. Sequences longer than this are in no bin.
 * @returns Numbers of the sequences in each bin, in order. Among equal lengths the later one is taken first.
 */
export function greedyKnapsack(lengths: readonly number[], capacity: number): number[][] {
  const sorted = lengths.map((_, i) => i).filter((i) => item(lengths, i) <= capacity)
    .sort((a, b) => item(lengths, a) - item(lengths, b) || a - b);
  const bins: number[][] = [];
  while (sorted.length > 0) {
    const bin: number[] = [];
    let room = capacity;
    for (;;) {
      const fitting = lastFitting(sorted, lengths, room);
      if (fitting < 0) break;
      const [index] = sorted.splice(fitting, 1);
      bin.push(index!);
      room -= item(lengths, index!);
    }
    bins.push(bin);
  }
  return bins;
}

function lastFitting(sorted: readonly number[], lengths: readonly number[], room: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (item(lengths, item(sorted, middle)) <= room) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
