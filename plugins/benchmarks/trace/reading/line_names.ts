/**
 * A score with the constraint that its line names: before it, or else behind it.
 * @module
 */
import { SCORE_WORD_LAST } from "./behind_sign.ts";
import { labelOf } from "./label.ts";
import type { NamedScore } from "./named_scores.ts";
import { OWN, OWN_AT } from "./own_texts.ts";
import { stripEnds } from "../../../../formats/python_text.ts";
import type { ScoreText } from "./score_text.ts";
import { verdictOfScore } from "./verdict_of.ts";

/** A line's score. */
export interface LineScore extends NamedScore {
  /** True if the word "score" stands in front of it. */
  worded?: boolean;
  /** Whole number that may be the line's own: the 1 of `1 (a remark)`, and of `1.8`, where a part follows. */
  ordinal?: { whole: number; part: boolean };
}

const SCORE_WORD = /^(?:(?:final )?(?:score|rating|grade|points?)|分数|得分|评分|打分)$/i;
/** A constraint behind a score, perhaps with its number. */
const OWN_BEHIND = new RegExp(
  String.raw`^[\s:.,;)\]"'–—-]{0,6}(?:\(?\d{1,3}[.)、:\]]{1,2}\s?)?["'“]?(${OWN})`,
);
/** A score that begins at `start`, its verdict and the names before it; else the constraint behind it. */
export function scoreWithNames(body: string, start: number, found: ScoreText, scale: number): LineScore {
  const before = body.slice(0, start);
  let names = nameParts(before);
  if (!/[\p{L}]/u.test(names.join("").replace(labelPart(names[0] ?? ""), "")) && !OWN_AT.test(before)) {
    const behind = ownBehind(body, found.end);
    if (behind !== undefined) names = [behind];
  }
  return {
    names,
    verdict: verdictOfScore(found, scale),
    ...("cut" in found && { cut: true }),
    ...(SCORE_WORD_LAST.test(before.slice(-24).replace(/[\s:=*]+$/, "")) && { worded: true }),
  };
}

/** A line's own number or label at the begin of a text. */
export function labelPart(text: string): string {
  return text.slice(0, labelOf(text)?.length ?? 0);
}

/** The constraint that a score stands in front of. */
export function ownBehind(body: string, end: number): string | undefined {
  return OWN_BEHIND.exec(body.slice(end, end + 20))?.[1];
}

/** Text before a score, without the word "score". */
export function nameParts(text: string): string[] {
  const plain = stripEnds(text.replace(/["“”]/g, "").trim(), " :=—–-", "right");
  if (plain === "" || SCORE_WORD.test(plain)) return [];
  // the word is looked for at the end alone: in the whole text the pattern takes quadratic time
  const [word] = /(?:\bfinal )?(?:\bscore|\brating|得分|评分|分数)$/i.exec(plain.slice(-16)) ?? [];
  return [word === undefined ? plain : stripEnds(plain.slice(0, -word.length), " .;:,—–-\n", "right")];
}
