/**
 * The sentences that give a constraint its score: `I'd give the second constraint a 7`, `第2条约束我给7分`. A sentence counts
 * only as a whole, from its first word to its last: what isn't known here leaves it unread.
 * @module
 */
import { scoreAt } from "../score_text.ts";
import { verdictOfScore } from "../verdict_of.ts";
import type { NamedScore } from "../named_scores.ts";
import { CHINESE_REFERENCE, ENGLISH_REFERENCE, namesOf } from "./references.ts";
import { isReason, leadsToScore } from "./remarks.ts";

const EN = `(?<ref>${ENGLISH_REFERENCE}|it|this(?: one| constraint| criterion| requirement)?)`;
const ZH = `(?<ref>${CHINESE_REFERENCE}|这一?[条項项](?:约束|要求)?|本[条項项]|此[条項项])`;
const LEAD =
  "(?:(?:so|thus|therefore|hence|overall|finally|next|then|also|and|accordingly|in my (?:view|opinion)),? )?";
const I = "(?:i|we)(?:['’](?:d|ll)| would| will)? (?:(?:therefore|thus|also|then) )?";
/** Between a verb and a score: `a score of`, `an overall rating of`, `a`. */
const A = "(?: (?:at|as|with))?(?: an?| the)?(?: (?:score|rating|grade|mark)(?: of)?:?)? ?(?=\\S)";
const GIVE = "(?:give|assign|award|grant|rate|score|grade|mark)";
const GETS =
  "(?:(?:is|was|has been|gets) (?:rated|scored|graded|given|awarded|assigned|marked)|is|was|gets|got|receives|received|earns|earned|scores|scored|deserves|merits)";
const THEN = ",?;? (?:so|thus|hence|therefore|and)(?: thus| therefore| so)?,?";

const FORMS = [
  `${LEAD}${I}${GIVE} ${EN}${A}`,
  `${LEAD}(?:for|as for|on|regarding|concerning) ${EN},? ${I}(?:say|${GIVE})(?: (?:it|this|the response|the answer))?${A}`,
  `${LEAD}(?:for|as for|on) ${EN},? (?:the|my|its) (?:score|rating|grade) (?:is|would be)${A}`,
  `${LEAD}(?:the|my) (?:score|rating|grade) (?:for|of|on) ${EN}(?: is|:)${A}`,
  `${LEAD}${EN} ${GETS}${A}`,
  `${EN} ?(?:[:=]|->|→)${A}`,
  `${EN}['’]s (?:score|rating|grade) (?:is|:)${A}`,
  `${EN}(?<middle>(?::| is| was| has| fails| meets)[^\\n]{1,160}?)${THEN} (?:it|this|this one|the constraint) ${GETS}${A}`,
  `${EN}(?<middle>(?::| is| was| has| fails| meets)[^\\n]{1,160}?)${THEN} (?:the|its|my) (?:score|rating|grade) is${A}`,
].map((form) => new RegExp(`^${form}`, "i"));

const GIVES =
  "(?:给出|给予|给|打出|打|获得|得到了?|得分|评分|分数|评为|判为|得)(?:的)?(?:了)?(?:评分|得分|分数)?(?:为|是|:)? ?";
const CHINESE_FORMS = [
  `(?:因此|所以|故|综上)?,?(?:我)?(?:认为|觉得)?(?:对于|关于|针对|至于)?${ZH}(?:的?(?:评分|得分|分数)(?:为|是|:)|[,:]?(?:我)?(?:认为|觉得)?(?:可以?|应该?|应当)?${GIVES}|[:=] ?)`,
  `(?:因此|所以|故)?,?(?:我)?(?:给|为|对)${ZH}(?:的(?:评分|得分|分数)(?:为|是|:)|(?:打|给|评)(?:了|出)? ?|(?=\\d))`,
  `${ZH}(?<middle>[:,]?[^\\n。]{1,80}?)[,;](?:因此|所以|故)?(?:我)?(?:最终)?${GIVES}`,
].map((form) => new RegExp(`^${form}`, "i"));

/** A score that speaks of the constraint that was named before it. */
const OF_SUBJECT = [
  new RegExp(`^${LEAD}(?:final )?(?:the |my |its )?(?:score|rating|grade)(?: is|:)${A}`, "i"),
  new RegExp(`^(?:我|因此|所以|故)?,?(?:我)?${GIVES}`),
];
/** `8 for the second constraint`. */
const SCORE_FIRST = new RegExp(
  `^(?<said>(?:an? )?\\d{1,2}(?:\\.\\d)?(?: ?\\/ ?10| out of 10| points?)?) (?:for|to|goes to) (?<ref>${ENGLISH_REFERENCE})[.!]?\\s*$`,
  "i",
);
/** In a list of constraints, where the verb isn't said again: `the second an 8`. */
const WITHOUT_VERB = new RegExp(`^(?<ref>${ENGLISH_REFERENCE}) (?:an? )?(?=\\d)`, "i");

const WORDS = "zero|one|two|three|four|five|six|seven|eight|nine|ten".split("|");
const CHINESE_WORDS = "零一二三四五六七八九十";
const WORDED = new RegExp(
  `^(?:${WORDS.join("|")})(?= ?(?:[.,;!(/]|out of|points?\\b|$|because|since|as\\b|[-–—]))`,
  "i",
);
const CHINESE_WORDED = new RegExp(`^[${CHINESE_WORDS}两](?=分)`);
const FULL = /^(?:满分|full marks|perfect (?:score|10|ten))(?! ?(?:\d|of|out|[-(/]))/i;

/**
 * The score that a sentence gives.
 * @param sentence Without marks of lists and bold type; it ends with a line break unless the whole text ends with it.
 * @param subject What `it` and a score without a name speak of.
 * @param listed True if the sentence goes on with a list whose verb was said before.
 * @returns undefined when the sentence as a whole is none that is known.
 */
export function statementOf(
  sentence: string,
  scale: number,
  { subject, listed = false }: { subject?: readonly string[] | undefined; listed?: boolean },
): NamedScore | undefined {
  const first = SCORE_FIRST.exec(sentence)?.groups;
  if (first !== undefined) {
    return read(namesOf(first["ref"] ?? ""), `${first["said"]?.replace(/^an? /i, "")}\n`, scale);
  }
  for (const form of [...FORMS, ...CHINESE_FORMS, ...(listed ? [WITHOUT_VERB] : [])]) {
    const found = form.exec(sentence);
    if (found === null || !leadsToScore(found.groups?.["middle"] ?? "")) continue;
    const named = namesOf(found.groups?.["ref"] ?? "");
    const names = named.length > 0 ? named : subject;
    const score = names && read(names, sentence.slice(found[0].length), scale);
    if (score !== undefined) return score;
  }
  for (const form of subject === undefined ? [] : OF_SUBJECT) {
    const found = form.exec(sentence);
    const score = found === null || subject === undefined
      ? undefined
      : read(subject, sentence.slice(found[0].length), scale);
    if (score !== undefined) return score;
  }
  return undefined;
}

function read(names: readonly string[], said: string, scale: number): NamedScore | undefined {
  const text = said.replace(FULL, String(scale))
    .replace(WORDED, (word) => String(WORDS.indexOf(word.toLowerCase())))
    .replace(CHINESE_WORDED, (word) => String(CHINESE_WORDS.indexOf(word.replace("两", "二"))));
  const found = scoreAt(text, 0, scale);
  if (found === undefined || ("score" in found && !isReason(text.slice(found.end)))) return undefined;
  return { names, verdict: verdictOfScore(found, scale), ...("cut" in found && { cut: true }) };
}
