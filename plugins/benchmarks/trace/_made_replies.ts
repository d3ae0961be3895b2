/**
 * Replies of judges, drawn at random, of which it is known what they say of each constraint: a score on the scale, or none. Scores,
 * remarks, numberings and layouts are those that models write, and some that say nothing certain.
 * @module
 */

/** A reply and what it says. */
export interface MadeReply {
  /** Its layout. */
  kind: string;
  /** The judge's text. */
  text: string;
  /** The constraints as the benchmark has them. */
  constraints: { text: string }[];
  /** What is said of each constraint, null: nothing that can be told. */
  scores: (number | null)[];
  /** The overall score, null: none. */
  overall: number | null;
  /** True if all scores stand in one of the plain forms behind what names them, without remarks: then they must be read. */
  plain: boolean;
}

/** Texts with numbers, brackets, colons and quotes of their own. */
const TEXTS = [
  ..."字数不超过100字|以[邮件]格式输出|use exactly 3 bullets|mention tea|Be formal|end with a question|至少列出5条建议"
    .split("|"),
  ..."语气友好，不超过2句|包含关键词【环保】|give a table with 4 columns|use 2-3 paragraphs|write 10 sentences"
    .split("|"),
  ..."score must be 8/10 in the text|结尾写 [[谢谢]]|以“第1步：”开头|Start with [1] as citation|标题: 五个字"
    .split("|"),
  ..."温度控制在20到25度|按“1. 2. 3.”编号|每段不少于50字，共3段|cite sources as [3]|回答以10结尾|在2024年之前"
    .split("|"),
  ..."a title: at most 5 words|no more than 50% adjectives".split("|"),
  '输出JSON：{"a": 1}',
];
const REMARKS = [
  ..."| - 共3处| (12 words)|，因为有2处错误| — 1 of 2 sentences|。第2句超过了10字| because 3 of 5 bullets fit"
    .split("|"),
  ..."; 2 minor flaws| // 7 items| (was 6 before)".split("|"),
];
/** Numberings of lines; `N` is the number. */
const LABELS = "N. |N.|N、|(N) |[N] |Constraint N: |第N条：|#N |- ||N: |N) |N）|（N）|N．|约束N：|CN |①"
  .split("|");
/** Forms of a score `V`. */
const FORMS =
  "V|[V]|[[V]]|**V/10**|**[V/10]**|V out of 10|V分|（V分）|【V】|Score: V|得分：V|V.0|(V)|V points|Ｖ".split(
    "|",
  );
/** Forms that say no score from 0 to 10. */
const OTHER_FORMS =
  "-V|V/5|V-9|V~9分|V0%|N/A|无法判断|pass|fail|✓|✗|met|half|满分|零分|八分|eight out of ten|full marks".split(
    "|",
  );

/** Draws replies; the same seed gives the same ones. */
export class ReplyMaker {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next one. */
  next(): MadeReply {
    const picked = [...TEXTS].map((text) => ({ text, key: this.#below(1e6) })).sort((a, b) => a.key - b.key)
      .slice(0, 1 + this.#below(5)).map(({ text }) => text);
    const own = this.#pick(["", "N. ", "N.", "N、", "(N) "]);
    const constraints = picked.map((text, i) => ({ text: own.replace("N", String(i + 1)) + text }));
    const shared = this.#below(2) === 0 ? this.#form() : undefined;
    const said = picked.map(() => this.#score(shared ?? this.#form()));
    const overall = this.#score(this.#form());
    const remarked = this.#below(2) === 0;
    const [kind, make] = this.#pick(Object.entries(LAYOUTS));
    const layout: Layout = {
      texts: picked,
      full: constraints.map(({ text }) => text),
      said,
      label: this.#pick(LABELS),
      sign: this.#pick([": ", " - ", " — ", "：", " = ", " -> ", " ", "\t"]),
      remark: () => remarked ? this.#pick(REMARKS) : "",
      pick: (values) => this.#pick(values),
      below: (limit) => this.#below(limit),
    };
    const { body, scores = said.map(({ score }) => score), heading, plain = false } = make(layout);
    const first = heading ??
      this.#pick(["Fine Grained Score:\n", "### Fine Grained Score\n", "Fine Grained Score (0-10):\n"]);
    const last = this.#pick([
      "Constraints Overall Score: ",
      "\n### Constraints Overall Score\n",
      "**Overall Score**：",
    ]);
    return {
      kind,
      text: `Explanation:\nIt has 3 of 7.\n\n${first}${body}\n\n${last}${overall.text}\n`,
      constraints,
      scores,
      overall: overall.score,
      plain: plain && !remarked && said.every(({ score }) => score !== null),
    };
  }

  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * limit);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!;
  }

  #form(): { form: string; isScore: boolean } {
    const isScore = this.#below(10) < 7;
    return { form: this.#pick(isScore ? FORMS : OTHER_FORMS), isScore };
  }

  #score({ form, isScore }: { form: string; isScore: boolean }): Said {
    const score = this.#below(11);
    const wide = [...String(score)].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join(
      "",
    );
    const text = form.replace("V", String(isScore ? score : 1 + this.#below(8))).replace("Ｖ", wide);
    return { text: /^\d-9/.test(text) ? text.replace("9", "10") : text, score: isScore ? score : null };
  }
}

interface Said {
  text: string;
  score: number | null;
}

interface Layout {
  texts: readonly string[];
  full: readonly string[];
  said: readonly Said[];
  label: string;
  sign: string;
  remark: () => string;
  pick: <T>(values: readonly T[]) => T;
  below: (limit: number) => number;
}

type Made = { body: string; scores?: (number | null)[]; heading?: string; plain?: boolean };

/** A line for each constraint. */
function lines(
  { texts, said, label }: Layout,
  line: (label: string, text: string, said: string, i: number) => string,
) {
  const numbered = (i: number) => label === "①" ? "①②③④⑤"[i]! : label.replace("N", String(i + 1));
  return texts.map((text, i) => line(numbered(i), text, said[i]!.text, i)).join("\n");
}

const none = ({ said }: Layout) => said.map(() => null);

const LAYOUTS: Record<string, (layout: Layout) => Made> = {
  "name and score": (at) => ({
    body: lines(at, (label, text, said) => `${label}${text}${at.sign}${said}${at.remark()}`),
    plain: at.sign !== " " && at.sign !== "\t",
  }),
  "number and score": (at) => ({
    body: lines(
      at,
      (_, __, said, i) => `${at.pick(["Constraint ", "约束", "C"])}${i + 1}: ${said}${at.remark()}`,
    ),
    plain: true,
  }),
  "score in front": (at) => ({
    body: lines(at, (_, __, said, i) => `${said} ${at.pick(["", "- ", ": "])}${at.full[i]}`),
  }),
  "number, score, name": (at) => ({
    body: lines(at, (label, text, said) => `${label}${said} ${at.pick(["", "- ", ": "])}${text}`),
  }),
  "score in brackets, number, name": (at) => ({
    body: lines(at, (_, text, __, i) => `[${at.said[i]!.score ?? "x"}] ${i + 1}. ${text}`),
  }),
  "number in brackets, name": (at) => ({
    body: lines(at, (_, text, said, i) => `[${i + 1}] ${text}${at.pick([": ", " ", "", " - "])}${said}`),
  }),
  "label and score": (at) => ({ body: lines(at, (label, _, said) => `${label}${said}${at.remark()}`) }),
  "names, then scores": (at) => ({
    body: `${at.full.join("\n")}\n\n${lines(at, (label, _, said) => `${label}${said}`)}`,
  }),
  "names only": (at) => ({ body: lines(at, (label, text) => `${label}${text}`), scores: none(at) }),
  "one left out": (at) => {
    const out = at.below(at.texts.length);
    return {
      body: lines(at, (_, text, said, i) => i === out ? "" : `${i + 1}. ${text}: ${said}`),
      scores: at.said.map(({ score }, i) => i === out ? null : score),
    };
  },
  "the same number": (at) => ({ body: lines(at, (_, text, said) => `1. ${text}: ${said}`) }),
  "table": (at) => ({
    body: "| # | Constraint | Score |\n|---|---|---|\n" +
      lines(at, (_, text, said, i) => `| ${i + 1} | ${text} | ${said} |`),
    plain: true,
  }),
  "table with counts": (at) => ({
    body: "| Constraint | Found | Score |\n|---|---|---|\n" +
      lines(at, (_, text, said) => `| ${text} | ${at.below(9)} | ${said} |`),
    plain: true,
  }),
  "table without heads": (at) => ({
    body: lines(at, (_, __, said, i) => `| ${at.full[i]} | ${said} | ${at.pick(["ok", "2 errors", "3"])} |`),
  }),
  "JSON": (at) => ({
    body: JSON.stringify([Object.fromEntries(at.full.map((text, i) => [text, at.said[i]!.score ?? "?"]))]),
    plain: true,
  }),
  "JSON in a fence": (at) => ({
    body: `\`\`\`json\n${
      JSON.stringify(at.texts.map((text, i) => ({ [text]: at.said[i]!.text + at.remark() })), null, 1)
    }\n\`\`\``,
  }),
  "fields": (at) => ({
    body: JSON.stringify(
      at.texts.map((text, i) => ({
        id: i + 1,
        constraint: text,
        [at.pick(["limit", "found", "weight", "confidence"])]: at.below(9),
        score: at.said[i]!.score ?? at.said[i]!.text,
        reason: "共3处，8分",
      })),
    ),
    plain: true,
  }),
  "score below": (at) => ({
    body: lines(
      at,
      (label, text, said) => `${label}${text}\n  ${at.pick(["Score: ", "得分：", ""])}${said}${at.remark()}`,
    ),
  }),
  "counts and score below": (at) => ({
    body: lines(
      at,
      (label, text, said) =>
        `${label}${text}\n - found ${at.below(12)} of ${at.below(5)}\n - 共${at.below(9)}处：${
          at.below(9)
        }个\n - 得分: ${said}`,
    ),
  }),
  "in one line": (at) => ({
    body: at.said.map(({ text }, i) => `${at.pick(["C", "Constraint ", "约束"])}${i + 1}=${text}`).join(
      at.pick([", ", "; ", "，", "；"]),
    ),
  }),
  "numbers in one line": (at) => ({
    body: at.said.map(({ text }, i) => `${i + 1}. ${text}`).join(at.pick([", ", "; ", " "])),
  }),
  "Chinese": (at) => ({
    body: lines(
      at,
      (_, __, said, i) => `第${i + 1}条${at.pick(["：", "得", "，得分", "为"])}${said}${at.remark()}`,
    ),
  }),
  "counts in front": (at) => ({
    body: lines(at, (label, text, said) => {
      const counted = at.pick(["要求3个，实际", "Requires 3: found ", `limit: ${at.below(99)}, count: `]);
      return `${label}${text}: ${counted}${at.below(9)}${
        at.pick([". Score: ", "。得分：", ", so ", "；评分："])
      }${said}`;
    }),
  }),
  "another scale": (at) => ({
    heading: `Fine Grained Score${
      at.pick([" (1-5)", " (out of 5)", "（满分5分）", " (each out of 5)", " (/5)", " [0-5]", " (0-100)"])
    }:\n`,
    body: lines(at, (label, text) => `${label}${text}: ${1 + at.below(5)}`),
    scores: none(at),
  }),
  "tags": (at) => ({
    body: lines(at, (_, __, said, i) => `<constraint id="${i + 1}">${said}</constraint>`),
  }),
};
