/**
 * Why a judge's text gives no score at all, with the text itself where that is short, such as a refusal.
 * @module
 */
import type { Verdict } from "../../../kinds/judgement.ts";
import { withReply } from "../../judge_text.ts";

/** Where a text has not one score of a constraint. */
export const NO_SCORE = "the judge gave no fine-grained score";
/** Where a text has no overall score. */
export const NO_OVERALL = "the judge gave no overall score";

/** The verdict; of one without a score for the reasons above it is told what the judge's text says instead. */
export function tellingReply(verdict: Verdict, text: string): Verdict {
  return verdict.score === null && [NO_SCORE, NO_OVERALL].includes(verdict.reason)
    ? { score: null, reason: withReply(verdict.reason, text) }
    : verdict;
}
