/**
 * Collects what items add to scores and gives the scores with standard errors and bootstrap intervals. Two numbers an item
 * and score are kept, regardless of the answers' lengths.
 * @module
 */
import type { Contribution, Score } from "../../../plugins/kinds/benchmark.ts";
import { ScoreSums } from "../../../plugins/benchmarks/scores.ts";
import { type Spread, spreadOf } from "../statistics/spread.ts";

/** A score with its uncertainty. */
export type ScoreWithSpread = Score & Spread & {
  /** Items that were scored, at least in part. */
  items: number;
  /** These, and the items without a score. */
  allItems: number;
};

/** Numbers that grow without copying at every push. */
class Column {
  #data = new Float64Array(64);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = value;
  }

  get values(): Float64Array {
    return this.#data.subarray(0, this.#length);
  }
}

/** Name of a score with its group, unique. */
function scoreKey(metric: string, group?: { by: string; name: string }): string {
  return JSON.stringify(group === undefined ? [metric] : [metric, group.by, group.name]);
}

/** See the module's text. */
export class ScoreTable {
  readonly #sums = new ScoreSums();
  readonly #columns = new Map<string, { values: Column; weights: Column }>();
  readonly #items = new Map<string, number>();

  /** Adds what one item contributes. */
  add(contributions: readonly Contribution[]): void {
    this.#sums.add(contributions);
    const ofItem = new Map<string, { value: number; weight: number }>();
    for (const key of new Set(contributions.map(({ metric, group }) => scoreKey(metric, group)))) {
      this.#items.set(key, (this.#items.get(key) ?? 0) + 1);
    }
    for (const { metric, group, value, weight } of contributions) {
      if (value === null) continue;
      const key = scoreKey(metric, group);
      const sum = ofItem.get(key);
      if (sum === undefined) ofItem.set(key, { value, weight });
      else {
        sum.value += value;
        sum.weight += weight;
      }
    }
    for (const [key, { value, weight }] of ofItem) {
      let column = this.#columns.get(key);
      if (column === undefined) {
        this.#columns.set(key, column = { values: new Column(), weights: new Column() });
      }
      column.values.push(value);
      column.weights.push(weight);
    }
  }

  /**
   * The scores so far, headlines first.
   * @param resamples Of the bootstrap
   * @param seed Of the bootstrap
   */
  scores(resamples: number, seed: number): ScoreWithSpread[] {
    return this.#sums.scores().map((score) => {
      const key = scoreKey(score.metric, score.group);
      const column = this.#columns.get(key);
      const sums = {
        values: column?.values.values ?? new Float64Array(),
        weights: column?.weights.values ?? new Float64Array(),
      };
      return {
        ...score,
        ...spreadOf(sums, score.max ?? 1, resamples, seed),
        items: sums.values.length,
        allItems: this.#items.get(key) ?? 0,
      };
    });
  }
}
