/**
 * A scale that a judge says it used: `(1-5)`, `[out of 5]`, `（满分5分）`.
 * @module
 */
import type { Verdict } from "../../../kinds/judgement.ts";

const SAID =
  /[([][^()[\]\d\n]{0,24}(?:[01] ?(?:-|–|—|~|to|至|到|through)|out of|of|\/|max(?:imum)?(?: score)?:?|满分:?|滿分:?|up to|≤) ?(\d{1,4})(?: ?(?:points?|分))?[^()[\]\d\n]{0,12}[)\]]/;
const SAID_HERE = new RegExp(SAID.source, "iy");
const SAID_ANYWHERE = new RegExp(SAID.source, "i");

/** A scale in brackets that begins at `index`: its text and its highest score. `text` is folded (plain_text.ts). */
export function saidScaleAt(text: string, index: number): { said: string; limit: number } | undefined {
  SAID_HERE.lastIndex = index;
  const [said, limit] = SAID_HERE.exec(text) ?? [];
  return said === undefined ? undefined : { said, limit: Number(limit) };
}

/** The highest score of a scale in brackets that isn't `scale`. */
export function otherScale(text: string, scale: number): number | undefined {
  const [, limit] = SAID_ANYWHERE.exec(text) ?? [];
  return limit === undefined || Number(limit) === scale ? undefined : Number(limit);
}

/** The verdict on a score of another scale. */
export function onOtherScale(other: number, scale: number): Verdict {
  return { score: null, reason: `the judge's scale ends at ${other}, not at ${scale}` };
}
