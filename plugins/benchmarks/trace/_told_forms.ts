/**
 * The forms in which a reply tells its scores in sentences, and what each of them says.
 * @module
 */
import { type Drawer, ORD, ZH } from "./_told_words.ts";

const REASON = [
  "",
  "",
  " because it has 3 of 5 bullets",
  ", since 2 words are missing",
  " as the second sentence is long",
  " — 2 minor flaws",
  " (12 words)",
  ", because it fully satisfies the requirement",
];
const REASONZH = [
  "",
  "",
  "，因为有2处错误",
  "（共12字）",
  "，完全符合要求",
  "，因为第2句超过了10字",
  "，基本满足",
];
interface At {
  m: Drawer;
  texts: string[];
  full: string[];
  v: number[];
  n: number;
}
type Made = { body: string; scores?: (number | null)[]; heading?: string; said?: boolean };
const per = (at: At, line: (i: number, v: number) => string, sep = "\n") =>
  at.v.map((v, i) => line(i, v)).join(sep);
const en = (at: At, sep: string, remark = true) =>
  per(at, (i, v) => {
    const m = at.m, f = m.form(v, false), r = remark ? m.pick(REASON) : "";
    const R = () => m.ref(i, false, at.texts), C = () => m.ref(i, false, at.texts, true);
    return m.pick([() => `I'd give ${R()} a ${f}${r}.`, () =>
      `I would give ${R()} ${f}${r}.`, () =>
      `I give ${R()} a score of ${f}${r}.`, () =>
      `${C()} gets ${f}${r}.`, () =>
      `${C()} receives a score of ${f}${r}.`, () =>
      `${C()} scores ${f}${r}.`, () =>
      `${C()} is rated ${f}${r}.`, () =>
      `For ${R()}, I assign a score of ${f}${r}.`, () =>
      `For ${R()}, the score is ${f}${r}.`, () =>
      `The score for ${R()} is ${f}${r}.`, () =>
      `I rate ${R()} at ${f}${r}.`, () =>
      `I rate ${R()} ${f}${r}.`, () =>
      `${C()} earns a ${f}${r}.`, () =>
      `${C()} is fully met, so it gets a ${f}.`, () =>
      `My score for ${R()} is ${f}.`, () =>
      `${C()} deserves a ${f}${r}.`, () =>
      `For ${R()}, I'd say ${f}.`])();
  }, sep);
const zh = (at: At, sep: string, end = "。", remark = true) =>
  per(at, (i, v) => {
    const m = at.m, f = m.form(v, true), r = remark ? m.pick(REASONZH) : "";
    const R = () => m.ref(i, true, at.texts);
    return m.pick([() => `${R()}我给${f}${r}${end}`, () =>
      `${R()}给${f}${r}${end}`, () =>
      `${R()}得${f}${r}${end}`, () =>
      `${R()}得分为${f}${r}${end}`, () =>
      `${R()}的评分是${f}${r}${end}`, () =>
      `我给${R()}打${f}${r}${end}`, () =>
      `${R()}打${f}${r}${end}`, () =>
      `对于${R()}，我给${f}${r}${end}`, () =>
      `${R()}应得${f}${r}${end}`, () =>
      `${R()}完全满足，得${f}${end}`, () =>
      `${R()}：基本符合，给${f}${end}`, () =>
      `我认为${R()}可以得${f}${r}${end}`, () =>
      `${R()}评为${f}${r}${end}`])();
  }, sep);
const unread = (at: At) => at.v.map(() => null);
/** By their names. */
export const TOLD_FORMS: Record<string, (at: At) => Made> = {
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
  "taken back behind a list": (at) => {
    const out = at.m.below(at.n), w = (at.v[out]! + 3) % 11;
    const taken = at.m.pick([
      `On reflection, constraint ${out + 1} deserves a ${w}.`,
      `Actually, the ${ORD[out]} constraint should get ${w}.`,
      `再想一下，第${out + 1}条应为${w}分。`,
      `更正：第${ZH[out]}条约束改为${w}分。`,
      `Wait, I'd lower the ${ORD[out]} constraint to ${w}.`,
      `Correction: constraint ${out + 1} is a ${w}, not a ${at.v[out]}.`,
    ]);
    const list = at.m.pick([
      () => per(at, (i, v) => `${i + 1}. ${at.texts[i]}: ${v}`),
      () => per(at, (i, v) => `Constraint ${i + 1}: ${v}/10`),
      () => JSON.stringify([Object.fromEntries(at.v.map((v, i) => [at.full[i], v]))]),
      () => en(at, "\n"),
      () => zh(at, "\n"),
      () => per(at, (i, v) => `| ${i + 1} | ${v} |`),
    ])();
    return { said: false, body: `${list}\n\n${taken}`, scores: at.v.map((v, i) => i === out ? null : v) };
  },
  "remarks behind a list": (at) => ({
    body: `${per(at, (i, v) => `${i + 1}. ${at.texts[i]}: ${v}`)}\n\n${
      at.m.pick([
        "Constraint 1 could have been met with 2 more words.",
        "第1条还差3个字。",
        "The first constraint has 3 flaws, but they are small.",
        "Actually, the first constraint is easy to meet in 5 words.",
        "No score was reduced for style.",
      ])
    }`,
  }),
  "prose, then doubt": (at) => ({
    said: false,
    scores: unread(at),
    body: `${at.m.zh() ? zh(at, "\n") : en(at, "\n")}\n${
      at.m.pick([() =>
        per(at, (i, v) => `Constraint ${i + 1} might also be a ${(v + 2) % 11}.`), () =>
        per(at, (i, v) => `第${i + 1}条也可以给${(v + 2) % 11}分。`), () =>
        per(at, (i, v) => `I'd give the ${ORD[i]} constraint a ${(v + 2) % 11}.`), () =>
        per(at, (i, v) => `不过第${i + 1}条只值${(v + 2) % 11}分。`)])()
    }`,
  }),
  // nothing certain
  "retraction": (at) => ({
    said: false,
    scores: unread(at),
    body: per(
      at,
      (i, v) =>
        at.m.pick([
          () => `I'd give ${at.m.ref(i, false, at.texts)} a ${v}, but on reflection ${(v + 3) % 11}.`,
          () => `第${i + 1}条我给${v}分，不，应该是${(v + 3) % 11}分。`,
          () => `Constraint ${i + 1} gets ${v}. Actually, make that ${(v + 3) % 11}.`,
          () => `第${i + 1}条约束本来给${v}分，后来改为${(v + 3) % 11}分。`,
          () => `I was going to give constraint ${i + 1} a ${v}, but it gets less.`,
        ])(),
    ),
  }),
  "conditions": (at) => ({
    said: false,
    scores: unread(at),
    body: per(
      at,
      (i, v) =>
        at.m.pick([
          () => `I'd give ${at.m.ref(i, false, at.texts)} a ${v} if it were shorter.`,
          () => `Constraint ${i + 1} would get ${v} with 2 more words.`,
          () => `如果更短，第${i + 1}条可以得${v}分。`,
          () => `第${i + 1}条最多给${v}分。`,
          () => `Constraint ${i + 1} gets at least ${v}.`,
          () => `第${i + 1}条至少得${v}分。`,
          () => `I'd give constraint ${i + 1} between ${v} and ${v + 2}.`,
          () => `第${i + 1}条给${v}到${v + 1}分。`,
          () => `Constraint ${i + 1} can't get a ${v}.`,
          () => `I can't give constraint ${i + 1} a ${v}.`,
          () => `第${i + 1}条不能给${v}分。`,
          () => `第${i + 1}条不应得${v}分。`,
          () => `I would not give constraint ${i + 1} a ${v}.`,
          () => `Constraint ${i + 1} loses ${v} points.`,
          () => `第${i + 1}条扣${v}分。`,
          () => `Constraint ${i + 1} gets a ${v} or so.`,
          () => `第${i + 1}条给${v}分左右。`,
          () => `第${i + 1}条差点得${v}分。`,
          () => `Constraint ${i + 1} nearly gets ${v}.`,
          () => `Constraint ${i + 1} scores ${v}/20.`,
          () => `第${i + 1}条给${v}分（满分20分）。`,
          () => `Others would give constraint ${i + 1} a ${v}.`,
          () => `The response gives itself a ${v} for constraint ${i + 1}.`,
          () => `回答自称第${i + 1}条得${v}分。`,
        ])(),
    ),
  }),
  "counts": (at) => ({
    said: false,
    scores: unread(at),
    body: per(
      at,
      (i, v) =>
        at.m.pick([
          () => `Constraint ${i + 1} gets ${v} mentions.`,
          () => `第${i + 1}条得到${v}次体现。`,
          () => `Constraint ${i + 1} has ${v} errors.`,
          () => `第${i + 1}条给了${v}个例子。`,
          () => `For constraint ${i + 1}, I count ${v} words.`,
          () => `约束${i + 1}共${v}处。`,
          () => `The response gives ${v} for the first line of constraint ${i + 1}.`,
          () => `第${i + 1}条：得${v}票。`,
        ])(),
    ),
  }),
  "partly prose": (at) => {
    const out = at.m.below(at.n);
    return {
      body: per(
        at,
        (i, v) =>
          i === out
            ? at.m.pick([
              `Constraint ${i + 1} is hard to judge.`,
              `第${i + 1}条无法判断。`,
              `Constraint ${i + 1} was met in 3 of 4 lines.`,
            ])
            : at.m.pick([`I'd give constraint ${i + 1} a ${v}.`, `第${i + 1}条约束我给${v}分。`]),
      ),
      scores: at.v.map((v, i) => i === out ? null : v),
      said: false,
    };
  },
  "twice the same": (at) => ({
    said: false,
    scores: at.v.map(() => null),
    body: per(at, (_, v) => at.m.pick([`I'd give the first constraint a ${v}.`, `第1条约束我给${v}分。`])),
    ...(at.n === 1 && { scores: at.v }),
    ...(at.n > 1 && new Set(at.v).size === 1 && { scores: at.v.map((v, i) => i === 0 ? v : null) }),
  }),
};
