/**
 * What judges that answer in Chinese write in place of "Fine Grained Score" and "Constraints Overall Score": most queries of TRACE are
 * Chinese, and so are many replies on them.
 * @module
 */

const FINE_GRAINED =
  "细粒度|細粒度|细颗粒度|逐条|逐條|逐项|逐項|分项|分項|各约束|各約束|各条约束|各條約束|各项约束|各項約束|各条|各條|各项|各項"
    .split("|");
const OVERALL = "总体|總體|整体|整體|综合|綜合|总体约束|总约束|約束總體".split("|");
const SCORE = "评分|評分|得分|打分|分数|分數".split("|");
/** A sum as often as a verdict on the whole. */
const TOTAL = "总分|總分|总得分|總得分|总评分|總評分|总评|總評".split("|");

/** A heading of single constraints' scores, as a part of a regular expression. */
export const FINE_GRAINED_CHINESE = `(?:${FINE_GRAINED.join("|")})(?:约束|約束)?的?(?:${
  SCORE.join("|")
})\\]?`;

/** A heading of the overall score; a total only with the brackets that a verdict is asked for in. */
export const OVERALL_CHINESE = `(?:${OVERALL.join("|")})(?:约束|約束)?的?(?:${SCORE.join("|")})\\]?|(?:${
  TOTAL.join("|")
})\\]?(?=[\\s*_:#]{0,6}\\[\\[)`;

/** All of these, to be broken in a response. */
export const CHINESE_PHRASES: readonly string[] = [
  ...[...FINE_GRAINED, ...OVERALL].flatMap((word) =>
    ["", "约束", "約束"].flatMap((of) =>
      ["", "的"].flatMap((link) => SCORE.map((score) => `${word}${of}${link}${score}`))
    )
  ),
  ...TOTAL,
];
