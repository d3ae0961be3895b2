/**
 * The scores that a judge wrote in one line: `C1=10, C2=8, C3=0`, `10, 8, 0`, `be brief: 10; be kind: 8`.
 * @module
 */
import { labelOf } from "./label.ts";
import type { LineScore } from "./line_names.ts";
import { lineScore } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { withoutOrdinals } from "./ordinals.ts";
import { OWN_AT } from "./own_texts.ts";

/** Letters of a name with commas: each part of one reads what stands before it again. */
const LONGEST_NAME = 400;

/**
 * Two scores or more, each behind its name or all without one.
 * @param line With a line break at its end unless the whole text ends with it.
 * @returns undefined when it isn't such a line.
 */
export function inlineScores(line: string, scale: number): NamedScore[] | undefined {
  const whole = line.endsWith("\n");
  const list = /^\s?\((.*)\)[\s.;]{0,2}$/s.exec(line)?.[1] ?? line.trim();
  const parts = split(list);
  let scores: LineScore[] = [];
  let name = ""; // a part without a score belongs to the name of the next
  for (const [i, part] of parts.entries()) {
    if (name !== "" && namesOne(part) && namesOne(name)) {
      scores.push(unread(name));
      name = "";
    }
    const text = name + part;
    const found = lineScore(
      i === parts.length - 1 && !whole && list === line.trim() ? text : `${text}\n`,
      scale,
    );
    if (found === undefined && text.length > LONGEST_NAME) return undefined;
    if (found === undefined) name = `${text},`;
    else {
      scores.push(found);
      name = "";
    }
  }
  if (name !== "" && namesOne(name) && scores.length > 0) {
    scores.push(unread(name));
    name = "";
  }
  scores = withoutOrdinals(scores, parts.length);
  const named = scores.filter(({ names }) => names.some((text) => text !== "")).length;
  return name === "" && scores.length > 1 && (named === 0 || named === scores.length) ? scores : undefined;
}

/** True if a part names a constraint, by a number or its text. */
function namesOne(part: string): boolean {
  return labelOf(part) !== undefined || OWN_AT.test(part);
}

/** Parts between commas and semicolons, none within brackets or quotes; "1,5" is one number. */
function split(line: string): string[] {
  const parts: string[] = [];
  let depth = 0, from = 0, quoted = false;
  for (const { 0: sign, index } of line.matchAll(/["()[\];，、]|,(?!\d)/g)) {
    if (sign === '"') quoted = !quoted;
    else if (sign === "(" || sign === "[") depth++;
    else if (sign === ")" || sign === "]") depth = Math.max(0, depth - 1);
    else if (sign === "、" && /(?:^|[\s:(-])\d{1,3}$/.test(line.slice(from, index))) continue; // a part's number
    else if (depth === 0 && !quoted) {
      parts.push(line.slice(from, index).trim());
      from = index + 1;
    }
  }
  return [...parts, line.slice(from).trim()].filter((part) => part !== "");
}
