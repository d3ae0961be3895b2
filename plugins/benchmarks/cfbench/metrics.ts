/**
 * The three metrics of CFBench on one response: the share of criteria met (CSR), all met (ISR), and what people set first
 * met (PSR).
 *
 * Zhang et al. 2024, "CFBench: A Comprehensive Constraints-Following Benchmark for LLMs", arXiv 2408.01122.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";

/** True if a criterion is one that people set first (主需) or second (次需). */
export type Priority = "primary" | "secondary";

/** Metrics of one response, each 0 to 1; null when the verdicts don't decide it. */
export interface CfbenchMetrics {
  /** Constraint satisfaction: share of criteria met. */
  CSR: number | null;
  /** Instruction satisfaction: 1 when all are met. */
  ISR: number | null;
  /** Priority satisfaction: 1 when all primary criteria and enough of the secondary ones are met. */
  PSR: number | null;
}

/** Least share that PSR asks for, exclusive. */
const ENOUGH = 0.8;

/**
 * As the released code counts: CSR rounded to 2 decimals, PSR from the scores' priorities.
 *
 * @param scores 0 or 1 per criterion, in order.
 */
export function completeMetrics(
  scores: readonly number[],
  priorities: readonly Priority[],
): CfbenchMetrics & {
  CSR: number;
  ISR: number;
  PSR: number;
} {
  const CSR = round2(mean(scores));
  return { CSR, ISR: CSR < 1 ? 0 : 1, PSR: psr(scores, priorities) };
}

/** As the released code counts what it could read only in part: priorities are lost. */
export function listedMetrics(scores: readonly number[]): { CSR: number; ISR: number; PSR: number } {
  const CSR = round2(mean(scores));
  return { CSR, ISR: CSR < 1 ? 0 : 1, PSR: CSR > ENOUGH ? 1 : 0 };
}

/**
 * From verdicts of which some may be missing: CSR over those that are there (a partial reading says what it can), ISR and
 * PSR only where the missing ones can't change them. Nothing is rounded.
 */
export function partialMetrics(
  verdicts: readonly Verdict[],
  priorities: readonly Priority[],
): CfbenchMetrics {
  const scores = verdicts.flatMap((v) => v.score === null ? [] : [v.score]);
  if (scores.length === 0) return { CSR: null, ISR: null, PSR: null };
  const fill = (value: number) => psr(verdicts.map((v) => v.score ?? value), priorities);
  const [least, most] = [fill(0), fill(1)];
  const ISR = scores.includes(0) ? 0 : scores.length === verdicts.length ? 1 : null;
  return { CSR: mean(scores), ISR, PSR: least === most ? least : null };
}

function psr(scores: readonly number[], priorities: readonly Priority[]): number {
  const of = (priority: Priority) => scores.filter((_, i) => priorities[i] === priority);
  const [primary, secondary] = [of("primary"), of("secondary")];
  if (primary.includes(0)) return 0;
  if (secondary.length === 0) return 1;
  const share = round2(mean(secondary));
  return (primary.length === 0 ? share : 0.5 + 0.5 * share) > ENOUGH ? 1 : 0;
}

/**
 * NumPy's `round(x, 2)`, which the released code's means get: 100 x to the nearest whole number, a half to the even one. Python's own
 * `round` differs where 100 x is a half by rounding alone, as for 39 of 40.
 *
 * @param x `0 <= x < 1e13`.
 */
export function round2(x: number): number {
  const hundredths = x * 100, below = Math.floor(hundredths), rest = hundredths - below;
  return (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below) / 100;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
