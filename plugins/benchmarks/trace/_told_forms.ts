/**
 * The forms in which a reply tells its scores in sentences, and what each of them says.
 * @module
 */
import { TOLD_DOUBTS } from "./_told_doubts.ts";
import { en, per, type ReplyBody, type ReplyParts, zh } from "./_told_sentences.ts";
import { ORD } from "./_told_words.ts";

/** By their names. */
export const TOLD_FORMS: Record<string, (at: ReplyParts) => ReplyBody> = {
  "English prose, a line each": (at) => ({ body: en(at, "\n") }),
  "English prose, bullets": (at) => ({ body: "- " + en(at, "\n- ") }),
  "English prose, numbered": (at) => ({
    body: per(at, (i) =>
      `${i + 1}. ${
        en({
          ...at,
          v: at.v.map((x, j) => j === i ? x : -1),
        }, "\u0001").split("\u0001")[i]
      }`),
  }),
  "English prose, a paragraph": (at) => ({ body: en(at, " ", true) }),
  "English, one sentence": (at) => {
    const m = at.m, how = m.below(4);
    const last = (parts: string[]) =>
      parts.length < 2
        ? parts.join("")
        : `${parts.slice(0, -1).join(", ")}${m.pick([" and ", ", and "])}${parts.at(-1)}`;
    return {
      body: how === 0
        ? last(at.v.map((v, i) => `${i === 0 ? "I'd give " : ""}the ${ORD[i]} constraint a ${v}`)) + "."
        : how === 1
        ? last(at.v.map((v, i) => `Constraint ${i + 1} gets ${v}`)) + "."
        : how === 2
        ? last(at.v.map((v, i) => `${v} for the ${ORD[i]} constraint`)) + "."
        : last(at.v.map((v, i) => `constraint ${i + 1} scores ${v}/10`)) + ".",
    };
  },
  "English, respectively": (at) => ({
    body: `${
      at.v.length < 2
        ? "The score is " + at.v.join("")
        : "The scores are " + `${at.v.slice(0, -1).join(", ")} and ${at.v.at(-1)}, respectively`
    }.`,
  }),
  "Chinese prose, a line each": (at) => ({ body: zh(at, "\n") }),
  "Chinese prose, a paragraph": (at) => ({ body: zh(at, "") }),
  "Chinese prose, bullets": (at) => ({ body: "- " + zh(at, "\n- ") }),
  "Chinese, one sentence": (at) => ({ body: zh(at, at.m.pick(["，", "；", "、"]), "", false) + "。" }),
  "text, then prose": (at) => ({
    body: per(at, (i, v) => at.m.zh() ? `“${at.texts[i]}”这一条给${v}分。` : `"${at.texts[i]}" gets a ${v}.`),
  }),
  "headings with prose": (at) => ({
    body: per(
      at,
      (i, v) =>
        `${
          at.m.pick([
            `#### ${i + 1}. ${at.texts[i]}`,
            `**${at.full[i]}**`,
            `Constraint ${i + 1}: ${at.texts[i]}`,
          ])
        }\n${
          at.m.pick([
            `I'd give this a ${v}.`,
            `I give it ${v}/10.`,
            `这一条我给${v}分。`,
            `It gets a ${v}.`,
            `给${v}分。`,
            `Score: ${v}`,
          ])
        }`,
    ),
  }),
  "table": (at) => ({ body: per(at, (i, v) => `| ${i + 1} | ${at.m.form(v, at.m.zh())} |`) }),
  "table with names": (at) => ({
    body: `| Constraint | Score |\n| --- | --- |\n${per(at, (i, v) => `| ${at.full[i]} | ${v} |`)}`,
  }),
  "JSON map": (at) => ({
    body: "```json\n" +
      JSON.stringify(
        Object.fromEntries(
          at.v.map((v, i) => [at.m.pick([`constraint_${i + 1}`, `${i + 1}`, `c${i + 1}`, at.full[i]!]), v]),
        ),
        null,
        2,
      ) + "\n```",
  }),
  "JSON, scores": (at) => ({
    body: JSON.stringify({
      scores: at.v.map((v, i) => ({
        constraint: at.full[i],
        reasoning: "有3处，8/10 seems fair?",
        score: v,
      })),
    }),
  }),
  "JSON, ordinals": (at) => ({
    body: JSON.stringify(Object.fromEntries(at.v.map((v, i) => [`${ORD[i]}_constraint`, v]))),
  }),
  "Chinese keys": (at) => ({
    body: JSON.stringify(at.v.map((v, i) => ({ 约束: at.full[i], 得分: v, 理由: "共3处，扣2分" }))),
  }),
  "deductions": (at) => ({
    body: per(
      at,
      (i, v) =>
        at.m.zh()
          ? `第${i + 1}条：有${10 - v}处错误，扣${10 - v}分，得${v}分。`
          : `Constraint ${i + 1}: ${10 - v} errors, minus ${10 - v} points, so the score is ${v}.`,
    ),
  }),
  ...TOLD_DOUBTS,
};
