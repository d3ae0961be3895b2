/**
 * Sentences that tell a constraint's score, in English and in Chinese, a sentence a constraint.
 * @module
 */
import type { Drawer } from "./_told_words.ts";

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

/** What a reply is made of. */
export interface ReplyParts {
  /** Draws. */
  draw: Drawer;
  /** The constraints' texts without their numbers. */
  texts: string[];
  /** These as the benchmark has them. */
  full: string[];
  /** The score of each. */
  scores: number[];
  /** Number of constraints. */
  count: number;
}

/** A reply's list, and what it says where that isn't every score for certain. */
export type ReplyBody = { body: string; scores?: (number | null)[]; heading?: string; said?: boolean };

/** A line a constraint. */
export const per = (reply: ReplyParts, line: (i: number, v: number) => string, sep = "\n") =>
  reply.scores.map((v, i) => line(i, v)).join(sep);

/** A sentence a constraint in English, with a remark behind some. */
export const en = (reply: ReplyParts, sep: string, remark = true) =>
  per(reply, (i, v) => {
    const m = reply.draw, f = m.form(v, false), r = remark ? m.pick(REASON) : "";
    const R = () => m.ref(i, false, reply.texts), C = () => m.ref(i, false, reply.texts, true);
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

/** The same in Chinese. */
export const zh = (reply: ReplyParts, sep: string, end = "。", remark = true) =>
  per(reply, (i, v) => {
    const m = reply.draw, f = m.form(v, true), r = remark ? m.pick(REASONZH) : "";
    const R = () => m.ref(i, true, reply.texts);
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
