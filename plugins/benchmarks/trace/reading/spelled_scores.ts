/**
 * Scores that a judge spelled: `eight`, `eight out of ten`, `八分`, `满分`, keycaps, and signs such as ✅ beside a number. They become
 * digits where a score stands, and only where nothing goes on behind them, so that all that holds for digits holds for them.
 * @module
 */

const ENGLISH = "zero|one|two|three|four|five|six|seven|eight|nine|ten".split("|");
const CHINESE = "零一二三四五六七八九十";
const WORD = `(?:${ENGLISH.join("|")})`;
const DIGIT = `[${CHINESE}〇两兩]`;
const QUOTES = "[\"'“”‘’*_\\x60 ]{0,6}";
/** In front of a score: a sign, brackets, a table's bar, the word "score". */
const SIGN =
  `(?:[:=>→⇒|—–]|\\s-(?= )|\\[|\\b(?:scored?|rating|rated|grade)(?: of| is)?(?= )|\\bscore[*_"' :]{0,4}\\n|得分为?|评分为?|分数为?|打分为?)${QUOTES}`;
/** In front of a score with its unit: these, a line's number, a round bracket. */
const PLACE =
  `(?:${SIGN}|\\(|(?:^|\\n)[-*• ]{0,3}\\(?\\d{1,2}[.)、:] ?${QUOTES}|第\\d{1,2}[条項项](?:得|为|是)? ?)`;
/** Another number that is offered instead, behind a remark or none. */
const INSTEAD =
  `${QUOTES}(?:\\([^()\\n]{0,120}\\) ?)?[,;]? ?(?:or\\b|或|rather\\b|maybe\\b|perhaps\\b|${WORD}\\b|[一二三四五六七八九十]分)`;
/** Behind a score: nothing, the next entry, a remark. */
const END =
  `(?!${INSTEAD})(?=${QUOTES}(?:$|[\\n\\])}|,;。!；、(]|\\.(?!\\d)| (?:because|since|as|due)\\b| [-–—]{1,2} \\D|[–—]\\D))`;
const OUT_OF = new RegExp(
  `(?<=${PLACE})(${WORD}|\\d{1,2})(?: points?| marks?)? ?(?:out of|of|/) ?(${WORD}|\\d{1,2})${END}`,
  "gi",
);
const POINTS = new RegExp(`(?<=${PLACE})(${WORD})(?= (?:points?|marks?)${END})`, "gi");
const CHINESE_POINTS = new RegExp(`(?<=${PLACE})(${DIGIT})(?=[分點点]${END})`, "gi");
const BARE = new RegExp(`(?<=${SIGN})(?:(${WORD})(?![a-z])|(${DIGIT}))${END}`, "gi");
/** The best score there is; with a number behind it, it may be that of another scale. */
const FULL = new RegExp(
  `(?<=${SIGN}|第\\d{1,2}[条項项](?:得|为|是)? ?)(?:满分|滿分|full (?:marks|score))(?:(?=["”'’][,;}\\]])|(?![^\\n|;"]{0,200}\\d)${END})`,
  "gi",
);
/** A fraction in LaTeX. */
const FRACTION = /\\[dt]?frac ?\{(\d{1,3}(?:\.\d{1,3})?)\} ?\{(\d{1,3})\}/g;
/** `得8分` where a score stands. */
const GIVEN = new RegExp(`(?<=${SIGN})得 ?(\\d{1,2}(?:\\.\\d{1,2})? ?分)`, "gi");
const KEYCAPS = /((?:[0-9]\ufe0f?\u20e3){1,3})(?=( ?\/)?)/g;
const PICTURES = / ?[\p{Extended_Pictographic}\ufe0e\ufe0f\u200d]{1,32} ?/gu;

/**
 * The text with digits in place of spelled scores and without pictures.
 * @param text Folded (plain_text.ts), its constraints hidden (own_texts.ts).
 * @param scale Highest score.
 */
export function spellOut(text: string, scale: number): string {
  return text
    .replace(FRACTION, "$1/$2")
    .replace(GIVEN, "$1")
    .replace(KEYCAPS, (keys: string, _, share?: string) => {
      const number = keys.replace(/\D/g, "");
      return share === undefined ? `(${number})` : number;
    })
    .replaceAll("🔟", "(10)")
    .replace(PICTURES, (found) => found.includes(" ") ? " " : "")
    .replace(
      OUT_OF,
      (whole, score: string, limit: string) =>
        /^\d+$/.test(score + limit) ? whole : `${numberOf(score)} out of ${numberOf(limit)}`,
    )
    .replace(POINTS, numberOf)
    .replace(CHINESE_POINTS, numberOf)
    .replace(BARE, numberOf)
    .replace(FULL, String(scale));
}

function numberOf(word: string): string {
  const english = ENGLISH.indexOf(word.toLowerCase());
  if (english >= 0) return String(english);
  const chinese = CHINESE.indexOf(word.replace("〇", "零").replace(/[两兩]/, "二"));
  return chinese >= 0 ? String(chinese) : word;
}
