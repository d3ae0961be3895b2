/**
 * The scores of a list whose constraints stand below them: `Score: 8`, and `1. a text` in the next line.
 * @module
 */
import { labelOf } from "./label.ts";
import { lineScore } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { OWN_AT } from "./own_texts.ts";

const SCORE_LINE = /^[-•+>#* ]{0,6}(?:final )?(?:score|rating|得分|评分|分数)[*_ ]{0,4}[:=]/i;

/**
 * The scores of a text that begins with one, has a constraint right below each, and ends with a constraint.
 * @param text Folded (plain_text.ts), its constraints hidden (own_texts.ts), without what stands around the list.
 * @returns undefined when it isn't such a list, or can be another one.
 */
export function scoresAbove(text: string, scale: number): NamedScore[] | undefined {
  const lines = text.split("\n").map((line) => line.replace(/[*\x60]/g, "").trim()).filter((line) =>
    line !== ""
  );
  if (!SCORE_LINE.test(lines[0] ?? "")) return undefined;
  const scores: NamedScore[] = [];
  let above: string | undefined;
  for (const line of lines) {
    if (SCORE_LINE.test(line)) {
      if (above !== undefined || OWN_AT.test(line)) return undefined;
      above = line;
    } else if (above !== undefined) {
      if (!isName(line)) return undefined;
      const found = lineScore(`${above}\n`, scale);
      scores.push(found === undefined ? unread(line) : { names: [line], verdict: found.verdict });
      above = undefined;
    } else if (isName(line)) return undefined;
  }
  return above === undefined ? scores : undefined;
}

function isName(line: string): boolean {
  return OWN_AT.test(line) || labelOf(line.replace(/^[-•+>#* ]{1,6}/, "")) !== undefined;
}
