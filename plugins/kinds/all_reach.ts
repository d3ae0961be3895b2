/**
 * Verdicts of an item as one.
 * @module
 */
import type { Verdict } from "./judgement.ts";

/** All verdicts together: 0 as soon as one is below `full`, 1 when all reach it, null while the unscored could decide. */
export function allReach(verdicts: readonly Verdict[], full = 1): Verdict {
  if (verdicts.some((v) => v.score !== null && v.score < full)) return { score: 0 };
  const unscored = verdicts.filter((v) => v.score === null);
  if (unscored.length === 0 && verdicts.length > 0) return { score: 1 };
  return { score: null, reason: unscored[0]?.reason ?? "no constraints" };
}
