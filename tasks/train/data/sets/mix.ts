/**
 * Mixes several data sets into one, as Hugging Face `interleave_datasets` does for LLaMA-Factory's `mix_strategy`.
 * @module
 */
import { item } from "../../../../formats/elements.ts";
import { NumpyGenerator } from "../../../../kernels/random/numpy.ts";
import type { MixStrategy } from "../../../../plugins/kinds/train_config.ts";

/**
 * Gives the order of rows in the mix, as numbers into the concatenation of all sets.
 *
 * @param lengths Rows of each set, each > 0.
 * @param probabilities Share of each set (`interleave_probs`), positive, sum 1; null: one row of each in turn.
 * @param seed Seed for drawing by probabilities.
 * @throws {RangeError} If probabilities don't fit.
 */
export function mixRows(
  lengths: readonly number[],
  strategy: MixStrategy,
  probabilities: readonly number[] | null,
  seed: number,
): Int32Array {
  const offsets: number[] = [];
  let total = 0;
  for (const length of lengths) {
    offsets.push(total);
    total += length;
  }
  if (strategy === "concat") return Int32Array.from({ length: total }, (_, i) => i);
  if (probabilities) {
    checkProbabilities(probabilities, lengths.length);
    return draw({ lengths, offsets }, strategy, probabilities, seed);
  }
  const rows: number[] = [];
  const rounds = strategy === "interleave_under" ? Math.min(...lengths) : Math.max(...lengths);
  for (let round = 0; round < rounds; round++) {
    for (let set = 0; set < lengths.length; set++) {
      if (strategy === "interleave_once" && round >= item(lengths, set)) continue;
      rows.push(item(offsets, set) + round % item(lengths, set));
    }
  }
  return Int32Array.from(rows);
}

function draw(
  { lengths, offsets }: { lengths: readonly number[]; offsets: readonly number[] },
  strategy: MixStrategy,
  probabilities: readonly number[],
  seed: number,
): Int32Array {
  const generator = new NumpyGenerator(seed);
  const used = lengths.map(() => false);
  const next = lengths.map(() => 0);
  const rows: number[] = [];
  while (!(strategy === "interleave_under" ? used.some(Boolean) : used.every(Boolean))) {
    const set = generator.choice(probabilities);
    if (strategy === "interleave_once" && used[set]) continue;
    rows.push(item(offsets, set) + item(next, set));
    const after = item(next, set) + 1;
    next[set] = after;
    if (after >= item(lengths, set)) {
      used[set] = true;
      next[set] = 0;
    }
  }
  return Int32Array.from(rows);
}

function checkProbabilities(p: readonly number[], count: number): void {
  if (p.length !== count) {
    throw new RangeError(
      `Cannot mix data sets as interleave_probs needs one number a data set: current value is ${p.length} numbers for ` +
        `${count} data sets`,
    );
  }
  const fault = probabilityFault(p);
  if (fault !== null) throw new RangeError(`Cannot mix data sets by interleave_probs: ${fault}`);
}

/** Why numbers are no shares of sets to draw from, as the end of a sentence with what is needed; null if they are. */
export function probabilityFault(p: readonly number[]): string | null {
  const sum = p.reduce((a, b) => a + b, 0);
  if (p.every((x) => x > 0) && Math.abs(sum - 1) <= 1e-8) return null;
  return `positive numbers that sum to 1 are needed: current value is ${p.join(", ")} (sum ${sum})`;
}
