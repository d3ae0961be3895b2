/**
 * Replies of judges that tell their scores in sentences, drawn at random, of which it is known what they say: the second
 * constraint's 7 of `I'd give the second constraint a 7`, and nothing of a condition, a count or a correction.
 * @module
 */
import { TOLD_FORMS } from "./_told_forms.ts";
import { CN, type Drawer, ENG, NUM, ORD, ZH } from "./_told_words.ts";

/** A reply and what it says. */
export interface ToldReply {
  /** Its form. */
  kind: string;
  /** The judge's text. */
  text: string;
  /** The constraints as the benchmark has them. */
  constraints: { text: string }[];
  /** What is said of each constraint, null: nothing that can be told. */
  scores: (number | null)[];
  /** The overall score. */
  overall: number;
  /** True if every score is said for certain. */
  said: boolean;
}

const TEXTS = [
  "字数不超过100字",
  "回答以10结尾",
  "至少列出5条建议",
  "语气友好，不超过2句",
  "包含关键词【环保】",
  "用第一人称",
  "在2024年之前",
  "每段不少于50字，共3段",
  "mention tea",
  "use exactly 3 bullets",
  "Be formal",
  "end with a question",
  "give a table with 4 columns",
  "write 10 sentences",
  "cite sources as [3]",
  "no more than 50% adjectives",
  "score must be 8/10 in the text",
  "a title: at most 5 words",
  "The answer gives 2 examples",
  "Rate the film out of 5",
];
/** Draws replies; the same seed gives the same ones. */
export class ToldReplies implements Drawer {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * n);
  }

  pick<T>(values: readonly T[]): T {
    const [first] = values.slice(this.below(values.length));
    return first as T;
  }

  zh(): boolean {
    return this.below(2) === 0;
  }

  next(): ToldReply {
    const n = 1 + this.below(5);
    const texts = [...TEXTS].map((t) => ({ t, k: this.below(1e6) })).sort((a, b) => a.k - b.k).slice(0, n)
      .map(({ t }) => t);
    const own = this.pick(["", "N. ", "N、"]);
    const constraints = texts.map((t, i) => ({ text: own.replace("N", String(i + 1)) + t }));
    const v = texts.map(() => this.below(11));
    const [kind, make] = this.pick(Object.entries(TOLD_FORMS));
    const made = make({ draw: this, texts, full: constraints.map((c) => c.text), scores: v, count: n });
    const scores = made.scores ?? v;
    const head = made.heading ??
      this.pick([
        "Fine Grained Score:\n",
        "Fine Grained Score: ",
        "### Fine Grained Score\n",
        "**Fine Grained Scores**\n\n",
        "细粒度评分：\n",
        "各约束得分：\n",
      ]);
    const ov = this.below(11);
    const exp = this.pick(EXPLANATIONS)(this, texts);
    const last = this.pick([
      "Constraints Overall Score: [[V]]",
      "**Constraints Overall Score:** [[V]]",
      "### Constraints Overall Score\n[[V]]",
      "Overall Score: V/10",
      "综合评分：V分",
    ]).replace("V", String(ov));
    const post = this.pick([
      "",
      "",
      "",
      "\n\nNote: a score of 10 means no flaw was found.",
      "\n\n说明：满分为10分，扣分项见上。",
      "\n\nA total of 3 constraints were checked out of 10 possible.",
    ]);
    return {
      kind,
      text: `${exp}${head}${made.body}\n\n${last}${post}\n`,
      constraints,
      scores,
      overall: ov,
      said: made.said ?? true,
    };
  }
  form(v: number, zh: boolean): string {
    return zh
      ? this.pick([`${v}分`, `${v}分`, `${v} 分`, `${CN[v]}分`, `**${v}分**`, `${v}/10分`, `${v}/10`])
      : this.pick([`${v}`, `${v}/10`, `${v} out of 10`, `**${v}**`, `**${v}/10**`, ENG[v]!, `${v} points`]);
  }
  ref(i: number, zh: boolean, texts: readonly string[], caps = false): string {
    const q = texts[i]!;
    const r = zh
      ? this.pick([
        `第${i + 1}条约束`,
        `第${ZH[i]}条约束`,
        `第${i + 1}条`,
        `第${ZH[i]}条`,
        `第${i + 1}个约束`,
        `约束${i + 1}`,
        `约束${ZH[i]}`,
        `约束 ${i + 1}`,
        `第${ZH[i]}项要求`,
        `第${i + 1}条（${q}）`,
        `第${i + 1}条约束“${q}”`,
      ])
      : this.pick([
        `the ${ORD[i]} constraint`,
        `constraint ${i + 1}`,
        `Constraint ${i + 1}`,
        `constraint #${i + 1}`,
        `the ${ORD[i]} one`,
        `constraint ${i + 1} ("${q}")`,
        `constraint ${i + 1} (${q})`,
        `the ${ORD[i]} requirement`,
        `Constraint ${NUM[i]}`,
        `the ${ORD[i]}`,
      ]);
    return caps ? r.charAt(0).toUpperCase() + r.slice(1) : r;
  }
}
const EXPLANATIONS: ((m: ToldReplies, t: string[]) => string)[] = [
  () => "",
  () => "Explanation:\nIt has 3 of 7 bullets, which is 1 short.\n\n",
  (_, t) =>
    `Explanation:\n${
      t.map((x, i) => `${i + 1}. ${x}: the response does this ${i + 2} times. A 10 would need more.`).join(
        "\n",
      )
    }\n\n`,
  (m, t) =>
    `Explanation:\n${
      t.map((x, i) => `${i + 1}. ${x} - at first I thought of ${m.below(11)} out of 10.`).join("\n")
    }\n\n`,
  (m) => `解释：\n回答共有${m.below(200)}字，满分10分，低于6分为不及格。\n\n`,
  () => "Let me think. Scores of 8-10 mean good, 5-7 fair, below 5 poor.\n\n",
  () => "**Explanation:** On a scale from 0 to 10, where 10 is perfect:\n\n",
];
