/**
 * What a judge writes right behind a score that makes it none: a correction (`8, corrected: 6`, `8 (revised to 6)`, `8… wait, that's
 * a 6`, `8分，不对，应为6分`), a sum (`10 (-2) = 8`), another scale (`4 (1-5)`), a second number beside it (`(3, 9)`).
 * @module
 */
import { saidScaleAt } from "./scale.ts";

/** Words that a correction begins with. */
const CUE = String
  .raw`(?:no[,.!: ]|hmm+|wait|actually|correct(?:ed|ion)|revis(?:ed|ion|ing)|adjust(?:ed|ing|ment)|chang(?:ed|ing)|updated?|lower(?:ed|ing)|rais(?:ed|ing)|reduc(?:ed|ing)|downgraded|(?:it )?should (?:be|have been)|rather|make (?:it|that)|on (?:reflection|second thoughts?)|after review|instead|now|final(?:ly| score)?|不,|不对|更正|修正|修改|改为|改成|应为|应该|应是|应改|调整|最终|重新)`;
/** Words between it and the number. */
const FILLER = String
  .raw`(?:[\s:,.…=>→⇒–—*_-]|to|it|that|this|is|it's|that's|was|a|an|be|should|as|into|the|final|score|down|up|为|是|成|到|得|打|给|分数){0,8}`;
const CORRECTED = new RegExp(
  String.raw`[*_\`"'”’$)\]~ ]{0,6}(?:[,.;:?!…([-]|[–—→⇒]|[-=]>|~){0,6}\s?` +
    String
      .raw`(?:(?:but|oh|hmm+|well|ok|okay|sorry|and|then|但|哦|嗯)[,.…: ]{1,5}){0,3}(?:${CUE}${FILLER}){1,3}` +
    String
      .raw`\[{0,2}(\d{1,2}(?:\.\d{1,2})?)(?=(?: ?/ ?10| out of 10)?(?: ?(?:points?|pts?|分))?[*_\`$}~)\]"'.,!。]{0,5}\s?(?:$|[\n|;,(]|//|#|(?<=[.。!])(?!\d)|after|because|since|overall|instead|then))`,
  "iy",
);
/** A sum behind the score, in parentheses or begun in them: `10 (-2) = 8`, `8 [deducted 2 → 6]`. */
const RECKONED = new RegExp(
  String
    .raw`[*_\`"'”’$ ]{0,6}[([] ?(?:[-+–] ?\d|\d|deduct|minus|less |subtract|penalt|减|扣)[^()[\]\n]{0,60}` +
    String.raw`(?:[)\]] ?(?:=|→|⇒|[-=]>)|(?:=|→|⇒|[-=]>))[*_\` $[]{0,4}` +
    String
      .raw`(\d{1,2}(?:\.\d{1,2})?)(?=(?: ?/ ?10)?(?: ?(?:points?|pts?|分))?[*_\`$\])]{0,4}\s?(?:$|[\n|;,.)\]}]|[-–—(]))`,
  "iy",
);
const SECOND = /[*_`$ ]{0,4}[,;] ?[*_`$]{0,4}(\d{1,2}(?:\.\d{1,2})?)[*_`$ ]{0,4}\)?(?:$|\n)/y;

/**
 * What stands behind a score and makes it none.
 * @param text Folded (plain_text.ts).
 * @param end Where the text behind the score begins.
 * @returns Where that text ends; undefined when the score stands.
 */
export function takenBackAt(text: string, end: number, score: number, scale: number): number | undefined {
  for (const pattern of [CORRECTED, RECKONED, SECOND]) {
    pattern.lastIndex = end;
    const [found, number] = pattern.exec(text) ?? [];
    if (found !== undefined && Number(number) !== score && Number(number) <= scale) return end + found.length;
  }
  const blank = text.charAt(end) === " " ? 1 : 0;
  const said = /^[([][01] ?(?:[-–—~]|to) ?/.test(text.slice(end + blank, end + blank + 6))
    ? saidScaleAt(text, end + blank)
    : undefined;
  return said === undefined || said.limit === scale ? undefined : end + blank + said.said.length;
}

/** An arrow to another number, alone in its line. */
const LED_ON = /^(?:→|⇒|[-=]>) ?[[*_`$]{0,4}(\d{1,2}(?:\.\d{1,2})?)(?: ?\/ ?10)?[\]*_`$.]{0,4}$/;

/**
 * True if the line below a score corrects it: `final: 6`, `→ 6`, `更正：6`.
 * @param line Folded, without marks of emphasis and white space around it.
 */
export function takenBackBelow(line: string, score: number, scale: number): boolean {
  const [, number] = LED_ON.exec(line) ?? [];
  if (number !== undefined) return Number(number) !== score && Number(number) <= scale;
  return /^[^\d[(]{2,40}\[{0,2}\d/.test(line) && takenBackAt(line, 0, score, scale) !== undefined;
}
