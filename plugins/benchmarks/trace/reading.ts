/**
 * Reads a judge's text on a TRACE response: an explanation, a fine-grained score as JSON, an overall score in double
 * brackets. Where an answer is repeated, the last one counts.
 * @module
 */
import type { Verdict } from "../../judges/judge.ts";

/** Phrases, each before a colon, that a verdict stands behind. */
export const VERDICT_PHRASES = ["fine grained scores", "fine grained score", "overall score"];

/** Highest score. */
export const TRACE_SCALE = 10;

const DECORATION = "[\\s*_`\"'”]*";
const OVERALL = new RegExp(
  `overall\\s*score${DECORATION}[:：]${DECORATION}\\[{0,2}\\s*(-?\\d+(?:\\.\\d+)?)\\s*(?:/\\s*10\\s*)?\\]{0,2}`,
  "gi",
);
const FINE_GRAINED = new RegExp(`fine[\\s-]*grained\\s*scores?${DECORATION}[:：]`, "gi");
/** A key and a number behind it, whatever surrounds them: judges forget commas and escape no quotes. */
const PAIR =
  /"((?:[^"\\\n]|\\.)*)"\s*[:：]\s*"?\s*(-?\d+(?:\.\d+)?)(?:\s*\/\s*10)?\s*分?\s*"?\s*(?=[,，;}\]\n]|$)/g;

/** The overall score, 0 to 10. */
export function readOverall(text: string): Verdict {
  const last = [...text.matchAll(OVERALL)].at(-1);
  return last === undefined
    ? { score: null, reason: "the judge gave no overall score" }
    : inScale(Number(last[1]), "overall score");
}

/**
 * The fine-grained scores, one verdict a constraint: by the constraint's text where each is named once, else by place when
 * there are as many scores as constraints; what is missing is null.
 */
export function readFineGrained(text: string, constraints: readonly string[]): Verdict[] {
  const missing = (reason: string) => constraints.map((): Verdict => ({ score: null, reason }));
  const start = [...text.matchAll(FINE_GRAINED)].at(-1);
  if (start === undefined) return missing("the judge gave no fine-grained score");
  const rest = text.slice(start.index + start[0].length);
  const end = rest.search(/overall\s*score/i);
  const pairs = scoresOf(end === -1 ? rest : rest.slice(0, end));
  const keys = pairs.map(([key]) => normalize(key));
  const byText = constraints.map((constraint) => {
    const found = keys.flatMap((key, i) => key === normalize(constraint) ? [i] : []);
    return found.length === 1 ? pairs[found[0]!]![1] : undefined;
  });
  if (pairs.length === constraints.length && byText.includes(undefined)) {
    return pairs.map(([, score]) => inScale(score, "score"));
  }
  const reason = `the judge gave ${pairs.length} scores for ${constraints.length} constraints`;
  return byText.map((score) => score === undefined ? { score: null, reason } : inScale(score, "score"));
}

/** Keys and scores; of `{"constraint": …, "score": 7}` objects only the scores. */
function scoresOf(text: string): [key: string, score: number][] {
  const pairs = [...text.matchAll(PAIR)].map(([, key, score]): [string, number] => [key!, Number(score)]);
  const named = pairs.filter(([key]) => /^(?:score|分数|得分|评分)$/i.test(key.trim()));
  return named.length > 1 || (named.length === 1 && pairs.length > 1) ? named : pairs;
}

/** A score within 0 to 10, or null with the reason. */
export function inScale(score: number, what: string): Verdict {
  return score >= 0 && score <= TRACE_SCALE
    ? { score }
    : { score: null, reason: `${what} ${score} is outside of 0 to ${TRACE_SCALE}` };
}

function normalize(text: string): string {
  const unescaped = text.replace(/\\(["\\/])/g, "$1").replace(/\\n/g, "");
  return unescaped.normalize("NFKC").replace(/[\s"“”]+/g, "").replace(/^(?:[-*]|\d+[.、)])/, "").replace(
    /[。.;；,，]+$/,
    "",
  );
}
