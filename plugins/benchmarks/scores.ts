/**
 * Sums contributions of single items into scores. One accumulator, whatever the number of items.
 * @module
 */
import type { Benchmark, BenchmarkResult, Contribution, Score } from "./benchmark.ts";

/** Adds up contributions; memory grows with the number of scores, not of items. */
export class ScoreSums {
  #sums = new Map<string, { contribution: Contribution; value: number; scored: number; unscored: number }>();

  /**
   * Adds what one item contributes.
   *
   * @throws {RangeError} If a weight isn't a positive number or a value isn't finite.
   */
  add(contributions: readonly Contribution[]): void {
    for (const contribution of contributions) {
      const { metric, group, value, weight } = contribution;
      if (!(weight > 0) || (value !== null && !Number.isFinite(value))) {
        throw new RangeError(
          `Cannot add to score "${metric}" as a finite value with a weight above 0: current value is ${value} with weight ${weight}`,
        );
      }
      const key = JSON.stringify([metric, group?.by, group?.name]);
      let sum = this.#sums.get(key);
      if (sum === undefined) this.#sums.set(key, sum = { contribution, value: 0, scored: 0, unscored: 0 });
      if (value === null) sum.unscored += weight;
      else {
        sum.value += value;
        sum.scored += weight;
      }
    }
  }

  /** The scores so far: headlines first, then groups, each in the order in which they first came. */
  scores(): Score[] {
    const all = [...this.#sums.values()].map((
      { contribution: { metric, group }, value, scored, unscored },
    ) => ({
      metric,
      ...(group === undefined ? {} : { group }),
      value: scored > 0 ? value / scored : null,
      ofAll: scored > 0 ? value / (scored + unscored) : null,
      scored,
      unscored,
    }));
    return [...all.filter((s) => s.group === undefined), ...all.filter((s) => s.group !== undefined)];
  }
}

/** The scores of a benchmark over results. */
export function scoreResults(benchmark: Benchmark, results: Iterable<BenchmarkResult>): Score[] {
  const sums = new ScoreSums();
  for (const result of results) sums.add(benchmark.contributions(result));
  return sums.scores();
}

/** Finds one score by name, for reports and tests. */
export function findScore(
  scores: readonly Score[],
  metric: string,
  by?: string,
  name?: string,
): Score | undefined {
  return scores.find((s) => s.metric === metric && s.group?.by === by && s.group?.name === name);
}
