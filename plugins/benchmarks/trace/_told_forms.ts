/**
 * The forms in which a reply tells its scores in sentences, and what each of them says.
 * @module
 */
import { TOLD_DOUBTS } from "./_told_doubts.ts";
import { en, per, type ReplyBody, type ReplyParts, zh } from "./_told_sentences.ts";
import { ORD } from "./_told_words.ts";

/** By their names. */
export const TOLD_FORMS: Record<string, (reply: ReplyParts) => ReplyBody> = {
  "English prose, a line each": (reply) => ({ body: en(reply, "\n") }),
  "English prose, bullets": (reply) => ({ body: "- " + en(reply, "\n- ") }),
  "English prose, numbered": (reply) => ({
    body: per(reply, (i) =>
      `${i + 1}. ${
        en({
          ...reply,
          scores: reply.scores.map((x, j) => j === i ? x : -1),
        }, "\u0001").split("\u0001")[i]
      }`),
  }),
  "English prose, a paragraph": (reply) => ({ body: en(reply, " ", true) }),
  "English, one sentence": (reply) => {
    const m = reply.draw, how = m.below(4);
    const last = (parts: string[]) =>
      parts.length < 2
        ? parts.join("")
        : `${parts.slice(0, -1).join(", ")}${m.pick([" and ", ", and "])}${parts.at(-1)}`;
    return {
      body: how === 0
        ? last(reply.scores.map((v, i) => `${i === 0 ? "I'd give " : ""}the ${ORD[i]} constraint a ${v}`)) +
          "."
        : how === 1
        ? last(reply.scores.map((v, i) => `Constraint ${i + 1} gets ${v}`)) + "."
        : how === 2
        ? last(reply.scores.map((v, i) => `${v} for the ${ORD[i]} constraint`)) + "."
        : last(reply.scores.map((v, i) => `constraint ${i + 1} scores ${v}/10`)) + ".",
    };
  },
  "English, respectively": (reply) => ({
    body: `${
      reply.scores.length < 2 ? "The score is " + reply.scores.join("") : "The scores are " +
        `${reply.scores.slice(0, -1).join(", ")} and ${reply.scores.at(-1)}, respectively`
    }.`,
  }),
  "Chinese prose, a line each": (reply) => ({ body: zh(reply, "\n") }),
  "Chinese prose, a paragraph": (reply) => ({ body: zh(reply, "") }),
  "Chinese prose, bullets": (reply) => ({ body: "- " + zh(reply, "\n- ") }),
  "Chinese, one sentence": (reply) => ({
    body: zh(reply, reply.draw.pick(["，", "；", "、"]), "", false) + "。",
  }),
  "text, then prose": (reply) => ({
    body: per(
      reply,
      (i, v) => reply.draw.zh() ? `“${reply.texts[i]}”这一条给${v}分。` : `"${reply.texts[i]}" gets a ${v}.`,
    ),
  }),
  "headings with prose": (reply) => ({
    body: per(
      reply,
      (i, v) =>
        `${
          reply.draw.pick([
            `#### ${i + 1}. ${reply.texts[i]}`,
            `**${reply.full[i]}**`,
            `Constraint ${i + 1}: ${reply.texts[i]}`,
          ])
        }\n${
          reply.draw.pick([
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
  "table": (reply) => ({
    body: per(reply, (i, v) => `| ${i + 1} | ${reply.draw.form(v, reply.draw.zh())} |`),
  }),
  "table with names": (reply) => ({
    body: `| Constraint | Score |\n| --- | --- |\n${per(reply, (i, v) => `| ${reply.full[i]} | ${v} |`)}`,
  }),
  "JSON map": (reply) => ({
    body: "```json\n" +
      JSON.stringify(
        Object.fromEntries(
          reply.scores.map((
            v,
            i,
          ) => [reply.draw.pick([`constraint_${i + 1}`, `${i + 1}`, `c${i + 1}`, reply.full[i]!]), v]),
        ),
        null,
        2,
      ) + "\n```",
  }),
  "JSON, scores": (reply) => ({
    body: JSON.stringify({
      scores: reply.scores.map((v, i) => ({
        constraint: reply.full[i],
        reasoning: "有3处，8/10 seems fair?",
        score: v,
      })),
    }),
  }),
  "JSON, ordinals": (reply) => ({
    body: JSON.stringify(Object.fromEntries(reply.scores.map((v, i) => [`${ORD[i]}_constraint`, v]))),
  }),
  "Chinese keys": (reply) => ({
    body: JSON.stringify(
      reply.scores.map((v, i) => ({ 约束: reply.full[i], 得分: v, 理由: "共3处，扣2分" })),
    ),
  }),
  "deductions": (reply) => ({
    body: per(
      reply,
      (i, v) =>
        reply.draw.zh()
          ? `第${i + 1}条：有${10 - v}处错误，扣${10 - v}分，得${v}分。`
          : `Constraint ${i + 1}: ${10 - v} errors, minus ${10 - v} points, so the score is ${v}.`,
    ),
  }),
  ...TOLD_DOUBTS,
};
