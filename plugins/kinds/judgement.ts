/**
 * Constraints, verdicts and judgements: plain JSON data that judges give, benchmarks score and runs store.
 * @module
 */

/** A score, or null with the reason why there is none (an unscored item is never a zero). */
export type Verdict = { score: number; reason?: string } | { score: null; reason: string };

/** One constraint to judge an answer by. */
export interface Constraint {
  /** As the instruction has it. */
  text: string;
  /** Data for a judge by rules: the id of a rule and its arguments. */
  rule?: { id: string; kwargs: Record<string, unknown> };
}

/** A judge's result for one response. */
export interface JudgeResult {
  /** One verdict per constraint, in order. */
  constraints: Verdict[];
  /** Verdict on the whole response. */
  overall: Verdict;
  /** The judge's own text, for the report; "" for rules. */
  raw: string;
  /** Results of a panel's members. */
  members?: { judge: string; judgement: Judgement }[];
}

/** Judgement of one answer: plain JSON data, so that it can be stored and scored again at no cost. */
export interface Judgement extends JudgeResult {
  /** Other readings of the same constraints, one verdict per constraint, such as IFEval's `loose`. */
  readings?: Record<string, Verdict[]>;
  /** Reading of a judge's text: `complete`, `partial` or `none`; absent for checks by rules. */
  reading?: "complete" | "partial" | "none";
  /** True if the judge's text was cut, so that asking again may help; then it gives no score where it was cut. */
  cut?: boolean;
  /** Scores as the judge listed them, where they can't be told apart by constraint. */
  listed?: number[];
}
