/**
 * A score that was read, as a verdict.
 * @module
 */
import type { Verdict } from "../../../kinds/judgement.ts";
import { scoreAt, type ScoreText } from "./score_text.ts";

/** The verdict of what {@linkcode scoreAt} found; the reason quotes what isn't on the scale or is cut. */
export function verdictOfScore(found: ScoreText, scale: number): Verdict {
  if ("score" in found) return { score: found.score };
  return {
    score: null,
    reason: "off" in found
      ? `the judge's score "${found.off.trim()}" isn't on the scale of 0 to ${scale}`
      : `the judge's text ends within or right behind a number: "${found.cut.trim()}" may be cut`,
  };
}

/** Behind a score that is all of a text: nothing, or a remark that is set apart. */
export const REMARK: RegExp = /^[*_`"'”’$)\] ]{0,6}(?:$|[.;,]?\s*$|[;,(（[]|[-–—:] |\/\/|# )/;

/**
 * The verdict of a text that is nothing but a score, and perhaps a remark behind it.
 * @returns undefined when it isn't: `1. a text` isn't.
 */
export function verdictOf(text: string, scale: number): Verdict | undefined {
  // behind the line break nothing can have been cut: the text was ended by a comma, a bracket or a quote
  const found = scoreAt(`${text}\n`, 0, scale);
  if (found === undefined || !REMARK.test(text.slice(found.end, found.end + 16))) {
    return found !== undefined && "off" in found && !/^\s*\d{1,3}[.)]/.test(text)
      ? verdictOfScore(found, scale)
      : undefined;
  }
  return verdictOfScore(found, scale);
}
