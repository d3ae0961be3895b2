/**
 * Sums contributions of single items into scores. One accumulator for any number of items.
 * @module
 */
import type { Verdict } from "../kinds/judgement.ts";
import type { Benchmark, BenchmarkResult, Contribution, Score } from "../kinds/benchmark.ts";

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

  /**
   * The scores so far: headlines first, then groups, each in the order in which they first came; groups whose names are all whole
   * numbers, such as numbers of constraints, by these.
   */
  scores(): Score[] {
    const all = [...this.#sums.values()].map((
      { contribution: { metric, group, max }, value, scored, unscored },
    ) => ({
      metric,
      ...(group === undefined ? {} : { group }),
      value: scored > 0 ? value / scored : null,
      ofAll: scored > 0 ? value / (scored + unscored) : null,
      scored,
      unscored,
      ...(max === undefined || max === 1 ? {} : { max }),
    }));
    return [
      ...all.filter((s) => s.group === undefined),
      ...byNumber(all.filter((s) => s.group !== undefined)),
    ];
  }
}

/** Scores of numbered groups in the order of the numbers, in the places that they had. */
function byNumber(scores: readonly Score[]): Score[] {
  const isNumber = ({ group }: Score) => /^\d{1,15}$/.test(group?.name ?? "");
  const numbered = [...Map.groupBy(scores, ({ group }) => group?.by).values()].filter((all) =>
    all.every(isNumber)
  );
  const sorted = new Map(numbered.map((all) => [
    all[0]?.group?.by,
    all.toSorted((a, b) => Number(a.group?.name) - Number(b.group?.name)).values(),
  ]));
  return scores.map((score) => sorted.get(score.group?.by)?.next().value ?? score);
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

/**
 * The contribution of several verdicts to one score: the scored ones their sum, the unscored ones a null of their number.
 *
 * @param verdicts At least one; missing judgements as null verdicts.
 * @param score Worth of a verdict, such as `(s) => s === 10 ? 1 : 0`; by default the verdict itself.
 */
export function contribute(
  metric: string,
  verdicts: readonly Verdict[],
  group?: Contribution["group"],
  score: (verdict: number) => number = (verdict) => verdict,
): Contribution[] {
  const base = group === undefined ? { metric } : { metric, group };
  const scored = verdicts.flatMap((v) => v.score === null ? [] : [score(v.score)]);
  const unscored = verdicts.length - scored.length;
  return [
    ...(scored.length > 0
      ? [{ ...base, value: scored.reduce((a, b) => a + b, 0), weight: scored.length }]
      : []),
    ...(unscored > 0 ? [{ ...base, value: null, weight: unscored }] : []),
  ];
}

/** Contributions to scores that run from 0 to `max` instead of 1. */
export function outOf(max: number, contributions: readonly Contribution[]): Contribution[] {
  return contributions.map((contribution) => ({ ...contribution, max }));
}
