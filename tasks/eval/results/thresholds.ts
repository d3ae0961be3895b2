/**
 * Thresholds: what a run must reach, checked before anything is asked and compared at the end.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import { didYouMean } from "../../../formats/did_you_mean.ts";
import type { EvalConfig } from "../config/config.ts";
import type { ScoreWithSpread } from "./score_table.ts";
import { weightText } from "./weight_text.ts";

/** A score beside its limit. */
export interface ThresholdResult {
  /** Name of the score. */
  metric: string;
  /** Lowest value that passes. */
  limit: number;
  /** Value that was compared; null where nothing is scored. */
  value: number | null;
  /** True if the limit is reached, which no score doesn't. */
  passed: boolean;
  /** Items that the score is of, those without a score included. */
  items: number;
  /** Things (items, or constraints) without a score. */
  unscored: number;
  /** Part of these in the value: they count as misses, or are left out (`max_unscored`). */
  unscoredAre: "misses" | "left out";
}

/** Limits by name; a single number is that of the headline, the first score. */
function limitsOf(threshold: NonNullable<EvalConfig["threshold"]>, headline = ""): [string, number][] {
  return typeof threshold === "number" ? [[headline, threshold]] : Object.entries(threshold);
}

/**
 * Refuses limits that no run could be compared with.
 * @param scores Names of the scores, the headline first, with their largest values
 * @param placeOf Where a limit was written
 * @throws {RangeError} If a score doesn't exist, or a limit isn't on its scale; all at once
 */
export function checkThreshold(
  { threshold }: Pick<EvalConfig, "threshold">,
  scores: ReadonlyMap<string, number>,
  placeOf: (metric: string) => string,
): void {
  if (threshold === undefined) return;
  const names = [...scores.keys()];
  const faults: string[] = [];
  for (const [metric, limit] of limitsOf(threshold, names[0])) {
    const max = scores.get(metric);
    const place = placeOf(metric);
    const tell = (fault: string) => faults.push(place === "" ? fault : `${place}: ${fault}`);
    if (max === undefined) {
      tell(
        `Cannot compare the score "${metric}" with its threshold as there is none of that name${
          didYouMean(metric, names)
        }: known are ${names.join(", ")}`,
      );
    } else if (!(limit >= 0 && limit <= max)) {
      const share = max === 1 && limit > 1 && limit <= 100 ? `; for ${limit} % write ${limit / 100}` : "";
      tell(
        `Cannot use the threshold of ${metric} as its scale is 0 to ${max}: current value is ${limit}${share}`,
      );
    }
  }
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
}

/** Rounding of a sum must not decide. */
const TINY = 1e-12;

/**
 * Compares scores with their limits: over all items, those without a score being misses, unless there are no more of them than
 * `max_unscored` (a number, or below 1 a share).
 * @returns null without a threshold
 * @throws {RangeError} If a score of that name doesn't exist
 */
export function compareThreshold(
  { threshold, max_unscored = 0 }: Pick<EvalConfig, "threshold" | "max_unscored">,
  scores: readonly ScoreWithSpread[],
): ThresholdResult[] | null {
  if (threshold === undefined) return null;
  const plain = scores.filter(({ group }) => group === undefined);
  checkThreshold({ threshold }, new Map(plain.map(({ metric, max = 1 }) => [metric, max])), () => "");
  return limitsOf(threshold, plain[0]?.metric).flatMap(([metric, limit]) => {
    const score = plain.find((s) => s.metric === metric);
    if (score === undefined) return [];
    const { unscored, scored, allItems: items } = score;
    const allowed = max_unscored < 1 ? max_unscored * (scored + unscored) : max_unscored;
    const leftOut = unscored > 0 && unscored <= allowed;
    const value = leftOut ? score.value : score.ofAll;
    const passed = value !== null && value >= limit - TINY;
    return [{ metric, limit, value, passed, items, unscored, unscoredAre: leftOut ? "left out" : "misses" }];
  });
}

/** `followed is 0.0500, limit 0.9 (20 items, 19 unscored counted as misses)`, or `followed has no score, limit 0.9 (20 items, 20 unscored)`. */
export function thresholdText(result: ThresholdResult): string {
  const { metric, value, limit, items, unscored, unscoredAre } = result;
  if (value === null) {
    return `${metric} has no score, limit ${limit} (${counted(items, "item")}, ${
      weightText(unscored)
    } unscored)`;
  }
  const apart = unscored === 0
    ? "none unscored"
    : `${weightText(unscored)} unscored ${unscoredAre === "misses" ? "counted as misses" : "left out"}`;
  return `${metric} is ${value.toFixed(4)}, limit ${limit} (${counted(items, "item")}, ${apart})`;
}
