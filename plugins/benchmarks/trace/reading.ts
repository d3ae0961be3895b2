/**
 * Reads a judge's text on a TRACE response: an explanation, a fine-grained score as JSON, an overall score in double
 * brackets, and what judges make of these forms (the table of forms in reading_test.ts). Where an answer is repeated, the last
 * one counts.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";
import { findFineGrained } from "./reading/fine_grained.ts";
import { withoutMarkup } from "./reading/markup.ts";
import { assignScores, type Nameable } from "./reading/named_scores.ts";
import { NO_OVERALL, tellingReply } from "./reading/no_score.ts";
import { findOverall } from "./reading/overall.ts";
import { OwnTexts } from "./reading/own_texts.ts";
import { foldJudgeText } from "./reading/plain_text.ts";
import { spellOut } from "./reading/spelled_scores.ts";
import { verdictOfScore } from "./reading/verdict_of.ts";

export { VERDICT_PHRASES } from "./reading/headings.ts";

/** Highest score. */
export const TRACE_SCALE = 10;

/** The reading of a judge's text. */
export interface TraceReading {
  /** One verdict per constraint, in order. */
  constraints: Verdict[];
  /** Verdict on the answer as a whole. */
  overall: Verdict;
  /** True if the text ends within a verdict: it isn't known what it would have been. */
  cut: boolean;
}

/**
 * Reads the scores, 0 to 10. A verdict that is cut gives no score: neither a list that the text ends within nor a number at
 * the text's very end, which may be the first digit of another.
 * @param constraints The judged constraints, in order.
 */
export function readTraceText(text: string, constraints: readonly Nameable[]): TraceReading {
  const reading = readEither(text, constraints);
  // an evaluation that leaves a score out isn't quoted: no two are alike, and reports count reasons
  if (count(reading) > 0) return reading;
  return {
    constraints: reading.constraints.map((verdict) => tellingReply(verdict, text)),
    overall: tellingReply(reading.overall, text),
    cut: reading.cut,
  };
}

/** The text with its tags or without, whichever has more scores. */
function readEither(text: string, constraints: readonly Nameable[]): TraceReading {
  const folded = foldJudgeText(text);
  const plain = readFolded(folded, constraints);
  // tags are looked at only when they are in the way: a constraint's own text may have some
  const complete = plain.cut || [...plain.constraints, plain.overall].every(({ score }) => score !== null);
  const unmarked = complete ? folded : withoutMarkup(folded);
  if (unmarked === folded) return plain;
  const reading = readFolded(unmarked, constraints);
  return reading.cut || count(reading) > count(plain) ? reading : plain;
}

function count({ constraints, overall }: TraceReading): number {
  return [...constraints, overall].filter(({ score }) => score !== null).length;
}

function readFolded(folded: string, constraints: readonly Nameable[]): TraceReading {
  const own = new OwnTexts(constraints.map(({ text }) => foldJudgeText(text)));
  const text = spellOut(own.hide(folded), TRACE_SCALE);
  const fine = findFineGrained(text, TRACE_SCALE);
  if (fine?.open) {
    const none = { score: null, reason: "the judge's text ends within its scores" };
    return { constraints: constraints.map(() => none), overall: none, cut: true };
  }
  const overall = findOverall(text, TRACE_SCALE, fine?.from, fine?.to);
  const shown = (verdict: Verdict): Verdict =>
    verdict.score === null ? { score: null, reason: own.show(verdict.reason) } : verdict;
  const scores = (fine?.scores ?? []).map((score) => ({
    ...score,
    names: score.names.map((name) => own.name(name)),
  }));
  return {
    constraints: assignScores(scores, constraints).map(shown),
    overall: overall === undefined
      ? { score: null, reason: NO_OVERALL }
      : shown(verdictOfScore(overall, TRACE_SCALE)),
    cut: (overall !== undefined && "cut" in overall) || (fine?.scores.some(({ cut }) => cut) ?? false),
  };
}

/** A score within 0 to 10, or null with the reason. */
export function inScale(score: number, what: string): Verdict {
  return score >= 0 && score <= TRACE_SCALE
    ? { score }
    : { score: null, reason: `${what} ${score} is outside of 0 to ${TRACE_SCALE}` };
}
