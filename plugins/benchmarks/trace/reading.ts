/**
 * Reads a judge's text on a TRACE response: an explanation, a fine-grained score as JSON, an overall score in double
 * brackets. Where an answer is repeated, the last one counts.
 * @module
 */
import type { Verdict } from "../../kinds/judgement.ts";

/** Phrases, each before a colon, that a verdict stands behind. */
export const VERDICT_PHRASES = ["fine grained scores", "fine grained score", "overall score"];

/** Highest score. */
export const TRACE_SCALE = 10;

/** The same as Python writes it. */
const SINGLE_QUOTED = /'([^'\n]*)'\s*[:：]\s*'?\s*(-?\d+(?:\.\d+)?)(?:\s*\/\s*10)?\s*'?\s*(?=[,;}\]\n]|$)/g;
/** Nothing but numbers. */
const LIST = /^[\s*_`]*(?:json)?\s*\[\s*(-?\d+(?:\.\d+)?(?:\s*[,，]\s*-?\d+(?:\.\d+)?)*)\s*\]/;

const DECORATION = "[\\s*_`\"'”]*";
const OVERALL = new RegExp(
  `overall\\s*score${DECORATION}[:：]${DECORATION}\\[{0,2}\\s*(-?\\d+(?:\\.\\d+)?)\\s*(?:/\\s*10\\s*)?\\]{0,2}`,
  "gi",
);
const FINE_GRAINED = new RegExp(`fine[\\s-]*grained\\s*scores?${DECORATION}[:：]`, "gi");
/** A key and a number behind it, whatever surrounds them: judges forget commas, escape no quotes and break lines. */
const PAIR =
  /"((?:[^"\\]|\\.)*)"\s*[:：]\s*"?\s*(-?\d+(?:\.\d+)?)(?:\s*\/\s*10)?\s*分?\s*"?\s*(?=[,，;}\]\n]|$)/g;

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
  // the last one: a constraint may speak of an overall score itself
  const end = [...rest.matchAll(OVERALL)].at(-1)?.index;
  const scores = rest.slice(0, end);
  const list = LIST.exec(scores)?.[1]?.split(/[,，]/).map(Number);
  if (list?.length === constraints.length) return list.map((score) => inScale(score, "score"));
  const pairs = scoresOf(scores);
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
  const found = [...text.matchAll(PAIR)];
  const pairs = (found.length > 0 ? found : [...text.matchAll(SINGLE_QUOTED)])
    .map(([, key, score]): [string, number] => [key!, Number(score)]);
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
