/**
 * Constraints of TRACE with a judge's scores of them, for tests of their reading.
 * @module
 */
import { readTraceText } from "./reading.ts";

const TEA_CONSTRAINTS = [{ text: "1. fewer than 50 words" }, { text: "2. mention tea" }, {
  text: "3. end with a question",
}];

/** The scores 10, 8 and 0 as the contract wants them. */
export const TEA_LIST = '[{"1. fewer than 50 words": 10, "2. mention tea": 8, "3. end with a question": 0}]';

/** The overall score 6 behind them. */
export const OVERALL_SIX = "\nConstraints Overall Score: [[6]]\n";

/** Reads a reply, with scores of constraints and the overall one in a row. */
export function readVerdicts(
  text: string,
  constraints: readonly { text: string; rule?: { id: string } }[] = TEA_CONSTRAINTS,
) {
  const { constraints: verdicts, overall, cut } = readTraceText(text, constraints);
  return { scores: [...verdicts, overall].map(({ score }) => score), verdicts, overall, cut };
}
