/**
 * Advantages of answers in their groups, as TRL 1.16.0's GRPOTrainer computes them (`multi_objective_aggregation: sum_then_normalize`).
 * @module
 */
import { item } from "../../../../formats/elements.ts";

/** Added to a deviation that divides. */
const SMALL = 1e-4;
/** A deviation up to this is none (torch.isclose). */
const CLOSE_TO_ZERO = 1e-8;

/** How rewards are scaled: by the deviation in their group, by that of the whole step, or not. */
export type RewardScale = "group" | "batch" | "none";

/** Advantages of a step. */
export interface Advantages {
  /** One an answer; 0 of an answer without a reward. */
  advantages: Float64Array;
  /** Share of answers whose deviation is 0, so that their advantage is, in [0, 1]. */
  zeroDeviation: number;
}

/**
 * (r − mean of the group) / (deviation + 1e-4). Deviations are those of samples (n − 1). An answer without a reward counts in neither and has the advantage 0.
 * @param rewards One an answer, group behind group; null: it has none
 * @param size Answers of a group, ≥ 2; divides their number
 */
export function advantagesOf(
  rewards: readonly (number | null)[],
  size: number,
  scale: RewardScale,
): Advantages {
  const advantages = new Float64Array(rewards.length), batch = deviation(rewards);
  let zeros = 0;
  for (let from = 0; from < rewards.length; from += size) {
    const group = rewards.slice(from, from + size), centre = meanOf(group);
    const own = scale === "batch" ? batch : deviation(group);
    if (own <= CLOSE_TO_ZERO) zeros += group.length;
    group.forEach((reward, i) => {
      if (reward === null) return;
      const advantage = (reward - centre) / (scale === "none" ? 1 : own + SMALL);
      // of one reward alone there is no deviation
      if (Number.isFinite(advantage)) advantages[from + i] = advantage;
    });
  }
  return { advantages, zeroDeviation: zeros / rewards.length };
}

/** Weighted sum of an answer's rewards; null where it has none. */
export function weightedReward(
  rewards: readonly (number | null)[],
  weights: readonly number[],
): number | null {
  if (rewards.every((reward) => reward === null)) return null;
  return rewards.reduce<number>((sum, reward, i) => sum + (reward ?? 0) * item(weights, i), 0);
}

/** Mean of what isn't null; NaN of nothing. */
export function meanOf(values: readonly (number | null)[]): number {
  const known = numbers(values);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Deviation of samples of what isn't null; NaN of fewer than two. */
export function deviation(values: readonly (number | null)[]): number {
  const known = numbers(values), centre = meanOf(values);
  if (known.length < 2) return NaN;
  const squares = known.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (known.length - 1));
}

function numbers(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}
