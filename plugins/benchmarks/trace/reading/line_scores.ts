/**
 * The scores of the lines that a judge wrote instead of JSON: numbered lists, bullets, tables, a heading per constraint.
 * @module
 */
import type { NamedScore } from "./named_scores.ts";
import { trimEndOf } from "./plain_text.ts";
import { scoreAt, type ScoreText } from "./score_text.ts";
import { verdictOf, verdictOfScore } from "./verdict_of.ts";

const SEPARATOR = /[:=]>?|->|[→⇒—–]|\s-(?=\s)/g;
/** A score in parentheses that says what it is, before a remark. */
const MARKED =
  /[([](?:(?:score|得分|评分)[: ]{1,2}([-+\d./ ]{1,16})|([-+\d. ]{1,8}(?:\/ ?[\d.]{1,8}|points?|分)))[)\]] ?[:–—-] /i;
/** A score with its scale in front of the constraint: `[8/10] the text`. */
export const LEADING: RegExp = /^[([]([-+\d. ]{1,8}(?:\/ ?[\d.]{1,8}|points?|分))[)\]] ?(?=[^\s.,;}\]])/i;
const SCORE_WORD = /^(?:(?:final )?(?:score|rating|grade|points?)|分数|得分|评分|打分)$/i;
const HEADER_CELL =
  /^(?:(?:final )?(?:scores?|rating|grade|points?)(?: ?[([].{0,20}[)\]])?|分数|得分|评分|打分)$/i;

/** The scores of a text's lines, in order. `text` is folded (plain_text.ts). */
export function lineScores(text: string, scale: number): NamedScore[] {
  const scores: NamedScore[] = [];
  let heading = ""; // a line without a score, that one below may belong to
  let column: number | undefined;
  const lines = text.split("\n");
  for (const [i, raw] of lines.entries()) {
    const line = raw.replace(/[*\x60]/g, "").trim();
    if (line === "") continue;
    if (line.includes("|")) {
      const cells = line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
      const header = cells.findIndex((cell) => HEADER_CELL.test(cell));
      if (header >= 0 && verdictOf(cells[header + 1] ?? "", scale) === undefined) column = header;
      else scores.push(...rowScore(cells, column, scale, i < lines.length - 1 || line.endsWith("|")));
      continue;
    }
    const found = lineScore(i === lines.length - 1 ? line : `${line}\n`, scale);
    if (found === undefined) {
      if (heading === "" || /^[#([]{0,3}\s?\d/.test(line)) heading = line;
      continue;
    }
    const names = found.names.filter((name) => name !== "");
    scores.push(names.length === 0 && heading !== "" ? { ...found, names: [heading] } : found);
    heading = "";
  }
  return scores;
}

function rowScore(
  cells: readonly string[],
  column: number | undefined,
  scale: number,
  whole: boolean,
): NamedScore[] {
  const verdicts = cells.map((cell) => verdictOf(cell, scale));
  const numbered = verdicts.findLastIndex((verdict) => verdict !== undefined);
  const place = column ?? (numbered > 0 || cells.length === 1 ? numbered : -1);
  const verdict = verdicts[place];
  if (verdict === undefined) return [];
  if (!whole && place === cells.length - 1) {
    return [{
      names: cells.slice(0, place),
      verdict: { score: null, reason: "the judge's text ends within a row" },
      cut: true,
    }];
  }
  return [{
    names: cells.filter((cell, i) => i !== place && cell !== "" && i <= Math.max(place, 1)),
    verdict,
  }];
}

/**
 * The score of one line and what stands before it.
 * @param line The line; with a line break at its end unless the whole text ends with it.
 * @returns undefined when there is none.
 */
export function lineScore(line: string, scale: number): NamedScore | undefined {
  const named = (name: string, found: ScoreText): NamedScore => ({
    names: nameParts(name),
    verdict: verdictOfScore(found, scale),
    ...("cut" in found && { cut: true }),
  });
  const body = line.replace(/^[-•·+>#] ?/, "").replace(/\b(score|rating) of (?=[\d[*(])/i, "$1: ");
  for (const { index } of body.matchAll(/\[\[/g).take(BRACKETS)) {
    const found = scoreAt(body, index, scale);
    if (found === undefined) break;
    if (!isText(body, index, found, scale)) return named(body.slice(0, index), found);
  }
  const marked = MARKED.exec(body);
  if (marked !== null) {
    const found = scoreAt(`${marked[1] ?? marked[2]}\n`, 0, scale);
    if (found !== undefined) return named(body.slice(0, marked.index), found);
  }
  let last: [place: number, found: ScoreText] | undefined;
  for (const place of separators(body)) {
    // "6 - 7" is one text that isn't on the scale, not a 7 behind a dash
    if (last !== undefined && "off" in last[1] && place < last[1].end + 3) continue;
    const found = scoreAt(body, place + 1, scale);
    if (found !== undefined) last = [place, found];
  }
  // the name is made once, not for each: what stands before a score may be long
  if (last !== undefined) return named(body.slice(0, last[0]), last[1]);
  const inParentheses = /[([](?:score:? ?)?([-+\d./ ]{1,16}(?:points?|分)?)[)\]][.;]?\s?$/i.exec(body);
  if (inParentheses !== null) {
    const found = scoreAt(`${inParentheses[1]}\n`, 0, scale);
    if (found !== undefined) return named(body.slice(0, inParentheses.index), found);
  }
  const leading = LEADING.exec(body);
  if (leading !== null) {
    const found = scoreAt(`${leading[1]}\n`, 0, scale);
    if (found !== undefined) return named(body.slice(leading[0].length), found);
  }
  const ordinal = /^[([]?(\d{1,3})[.)\]、]{1,2}\s/.exec(body);
  const found = scoreAt(body, ordinal?.[0].length ?? 0, scale);
  return found === undefined ? undefined : named(ordinal?.[1] ?? "", found);
}

/** True for words in double brackets that belong to the constraint, `End with [[thanks]]: 9`: no verdict, and a score stands behind. */
function isText(body: string, start: number, found: ScoreText, scale: number): boolean {
  if (!("off" in found) || /\d|^\[\[ ?(?:n\/?a|none|null|not |无|不)/i.test(found.off)) return false;
  if (/[:=>→⇒—–-] ?$/.test(body.slice(0, start))) return false;
  return [...separators(body)].some((place) =>
    place >= found.end && scoreAt(body, place + 1, scale) !== undefined
  );
}

/** Double brackets of a line that are looked at, since each look reads all of it. */
const BRACKETS = 4;

/** Places of signs that a score may stand behind, none within round brackets. */
function separators(line: string): number[] {
  let depth = 0;
  let from = 0;
  return [...line.matchAll(SEPARATOR)].flatMap(({ index, 0: sign }) => {
    for (; from < index; from++) depth += line[from] === "(" ? 1 : line[from] === ")" && depth > 0 ? -1 : 0;
    return depth === 0 ? [index + sign.length - 1] : [];
  });
}

/** Text before a score, without the word "score". */
function nameParts(text: string): string[] {
  const plain = trimEndOf(text.replace(/["“”]/g, "").trim(), " :=—–-");
  if (SCORE_WORD.test(plain)) return [];
  // the word is looked for at the end alone: in the whole text the pattern takes quadratic time
  const [word] = /(?:\bfinal )?(?:\bscore|\brating|得分|评分|分数)$/i.exec(plain.slice(-16)) ?? [];
  return [word === undefined ? plain : trimEndOf(plain.slice(0, -word.length), " .;:,—–-\n")];
}
