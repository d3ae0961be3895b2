/**
 * What may stand in a sentence beside a score without making another score of it: a reason, a count of things.
 * @module
 */

/** Words of a condition, of a correction, or of another score. */
const DOUBTFUL = new RegExp(
  [
    String
      .raw`\b(?:if|unless|until|or|instead|rather|actually|wait|should|would|could|might|may|maybe|perhaps|but|however|though|although|yet|revis\w*|` +
    String
      .raw`correct(?:ed|ion|ing)|adjust\w*|chang\w*|lower\w*|rais\w*|reflection|second thoughts?|almost|nearly|scores?|scored|scoring|points?|marks?|out of|rate[sd]?|` +
    String
      .raw`rating|grad(?:e[sd]?|ing)|giv(?:e[ns]?|ing)|gave|award\w*|deserv\w*|assign\w*|claims?|itself|says?|said|wrong|at (?:most|best|least)|` +
    String
      .raw`too (?:high|low|much|little|generous|kind|harsh)|previous(?:ly)?|earlier|last (?:round|time)|(?:less|minus|plus) (?:an?|one|two|three)|double|twice|half)\b`,
    String.raw`\bno\s?[.!,;]|\bno\s*$|\bnot (?:true|right|so|correct|fair|really|quite)\b`,
    "是错|错了|不妥|不当|[偏过太][高低]|回答[里中]?[说称写]|以前|此前|上次|先前|如果|假如|若|否则|要不|或|但|不过|然而|虽|改|更正|修正|调整|应|不对|最多|至多|至少|最高|最低|可能|也许|左右|大约|差点|几乎|本来|原本|起初|自称|声称|评分|得分|打分|分数",
    String.raw`[给打得评扣减][^,。]{0,4}\d`,
    String.raw`(?:\d|[零一二三四五六七八九十两半])\s?[分點点](?![之钟析别段成句])`,
    String.raw`\d\s?\/\s?\d|\[\[`,
  ].join("|"),
  "i",
);
/** A number that counts something: `2 words`, `3 of 5 bullets`, `2处`. */
const COUNT =
  /(?<![\d.])\d{1,6}(?: ?(?:of|-|–|~|到|至) ?(?:the )?\d{1,6})? ?(?!(?:to|or|and|out|if|for|in|at|on|is|was|of|than|a|an|it|i|points?|pts?|marks?)\b|[分點点](?![之钟析别段成句]))\p{L}/giu;
/** A point that was taken off on the way to a score. */
const TAKEN_OFF =
  /(?:[扣减]了? ?(?:\d{1,2}|[一二三四五六七八九十两半]) ?分|\b(?:minus|less|deduct(?:ed|ing)?) (?:\d{1,2}|one|two|three) (?:points?|marks?))/gi;
/** A number in words that counts nothing: with its scale, or with nothing behind it that it could count. */
const WORDED =
  /(?<![\p{L}-])(?:(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)(?: ?\/| out of)|(?:zero|two|three|four|five|six|seven|eight|nine|ten)(?=["'”’*_ ]{0,3}(?:$|[.,;:!?)\n]|(?:is|was|would|seems|feels|it is|then|instead|now)\b)))|[零一二三四五六七八九十两半]\s?[分點点](?![之钟析别段成句])/iu;

/** True if a text has a number that counts nothing. */
export function hasNumber(text: string): boolean {
  return /\d/.test(text.replace(COUNT, "")) || WORDED.test(text);
}

/** True if a text says no score, and no number that could be one. */
export function saysNoScore(text: string): boolean {
  return !DOUBTFUL.test(text) && !hasNumber(text);
}

/** The same, where points may have been taken off before the score is said. */
export function leadsToScore(text: string): boolean {
  return saysNoScore(text.replace(TAKEN_OFF, ""));
}

const BEHIND =
  /^[*_"'”’ ]{0,4}(?:[.!。]?\s*$|\((?<aside>[^()]*)\)[.!。]?\s*$|(?:,? (?:because|since|as|due to|given)\b|[,;:] ?| [-–—] ?|[–—])(?<reason>.+)$)/s;

/** True if behind a score nothing stands but a reason. */
export function isReason(behind: string): boolean {
  const found = BEHIND.exec(behind);
  return found !== null && saysNoScore(found.groups?.["aside"] ?? found.groups?.["reason"] ?? "");
}
