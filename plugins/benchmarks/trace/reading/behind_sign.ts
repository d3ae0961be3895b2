/**
 * The score that stands behind a sign: `a text: 8`, `a text -> 8`.
 * @module
 */
import { labelOf } from "./label.ts";
import { OWN, OWN_AT } from "./own_texts.ts";
import { scoreAt, type ScoreText } from "./score_text.ts";

const SEPARATOR = /[:=]>?|->|[→⇒]|(?<!\d)[—–]|[—–](?!\d)|\s-(?=\s)/g;
/** A text that ends with the word "score". */
export const SCORE_WORD_LAST: RegExp =
  /(?:\b(?:scored?|rating|rated|grade|points?|mark)|得分|评分|分数|打分)[ "'”’]{0,2}$/i;
/** A text that ends with a word whose number is counted or asked for. */
export const COUNTED_LAST: RegExp =
  /(?:\b(?:count|found|actual|required|requires?|limit|expected|total|words?|sentences?|paragraphs?|bullets?|items?|weight|confidence|certainty|probability|used|has|full (?:marks|score)|max(?:imum)?)|满分|滿分|总分|要求|实际|共|数量|字数|限制|个数|需要|权重|置信度|信心)[ "'”’]{0,2}$/i;
/** A text that ends with the word for what is named behind its sign. */
const NAME_LAST =
  /(?:^|[\s-])(?:constraints?|criteri(?:on|a)|requirements?|checkpoints?|rules?|items?|names?|text|约束|要求|条件|检查点)[ "'”’]{0,2}$/i;
/** A text that ends with the highest score there is. */
const LIMIT_LAST =
  /(?:\bmax(?:imum)?\.?|\bout of|\bscale(?: of)?|满分|总分)[: ]{0,2}(\d{1,4})(?: ?(?:points?|分))?[, ]{0,2}$/i;
/** A number in front of a constraint, which is the constraint's. */
export const NUMBERS_OWN: RegExp = new RegExp(
  String.raw`^\s?["'“‘「(]{0,2}\s?\d{1,3}[.)、:\]]{0,2}\s?["'“(]?${OWN}`,
);
const OWN_LAST = new RegExp(`${OWN}[ "'”’]{0,2}$`);

/** A score and where the sign before it begins. */
export interface SignedScore {
  /** The sign's place. */
  start: number;
  /** What stands behind it. */
  found: ScoreText;
}

/** The score behind a colon, an arrow or a dash; none where several differ. `body` has its constraints hidden. */
export function behindSign(body: string, scale: number): SignedScore | undefined {
  let last: SignedScore | undefined;
  const label = labelOf(body)?.length ?? 0;
  for (const [nth, [start, place]] of separators(body).entries()) {
    // `4. 9 - 10` is a range
    if (
      label > 0 && /^\s?\d{1,2}(?:\.\d)?\s?$/.test(body.slice(label, start)) &&
      /[-–—]/.test(body.charAt(place))
    ) continue;
    // "6 - 7" is one text that isn't on the scale, not a 7 behind a dash
    if (last !== undefined && "off" in last.found && place < last.found.end + 3) continue;
    const found = scoreAt(body, place + 1, scale);
    if (found === undefined || NUMBERS_OWN.test(body.slice(place + 1, place + 12))) continue;
    if (!isTrusted(body, { start, nth, from: place + 1, found }, scale)) continue;
    // `8/10 — 0 of 1`: behind a score with its scale, a count
    if (last !== undefined && "off" in found && "score" in last.found && place < last.found.end + 3) continue;
    if (last !== undefined && valueOf(last.found) !== valueOf(found)) return undefined;
    last = { start, found };
  }
  return last;
}

/** True if a number behind a sign can't be a count: right behind the name or the word "score", or with a scale, a unit or brackets. */
function isTrusted(
  body: string,
  { start, nth, from, found }: SignedScore & { nth: number; from: number },
  scale: number,
): boolean {
  const before = body.slice(Math.max(0, start - 24), start);
  if (SCORE_WORD_LAST.test(before)) return true;
  const behind = body.slice(found.end, found.end + 4);
  if (NAME_LAST.test(before) && /^[.)、] ?["'“]?\p{L}/u.test(behind)) return false;
  const [, limit] = LIMIT_LAST.exec(before) ?? [];
  if (limit !== undefined && Number(limit) !== scale) return false;
  if (
    /^[\s*"'“(]*\d/.test(body.slice(from, from + 4)) && COUNTED_LAST.test(before) &&
    !hasUnit(body, from, found)
  ) {
    return OWN_LAST.test(before);
  }
  if (nth === 0 || hasUnit(body, from, found) || /[→⇒>–—-]/.test(body.charAt(from - 1))) return true;
  const own = body.search(OWN_AT);
  if (own < 0) return body.slice(found.end).trim() === "";
  return /^["'”’\s]*(?:\([^()]*\))?\s?$/.test(body.slice(own + 1, start));
}

/** True if a score that begins at `from` has brackets, a unit or a scale. */
export function hasUnit(body: string, from: number, { bracketed, end }: ScoreText): boolean {
  return bracketed || /\/|分|point|out of/i.test(body.slice(from, end));
}

function valueOf(found: ScoreText): unknown {
  return "score" in found ? found.score : "off" in found ? found.off : found.cut;
}

/** Signs that a score may stand behind, none within round brackets: where each begins and its last character. */
export function separators(line: string): [start: number, place: number][] {
  let depth = 0;
  let from = 0;
  return [...line.matchAll(SEPARATOR)].flatMap(({ index, 0: sign }): [number, number][] => {
    for (; from < index; from++) depth += line[from] === "(" ? 1 : line[from] === ")" && depth > 0 ? -1 : 0;
    return depth === 0 ? [[index, index + sign.length - 1]] : [];
  });
}
