/**
 * Replies of judges, drawn at random, of which it is known what they say of each constraint: a score on the scale, or none. Scores,
 * remarks, numberings and layouts are those that models write, and some that say nothing certain.
 * @module
 */
import { type Layout, LAYOUTS, type Said } from "./_reply_layouts.ts";

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
/** Forms of a score in words, `W` in English and `字` in Chinese, and beside pictures. */
const SPELLED =
  "W|W points|W out of ten|V out of ten|[[W]]|Score: W|字分|得分：字分|（字分）|[[字分]]|✅ V|V/10 ⚠️|V ❌|V⃣"
    .split("|");
const ENGLISH = "zero|one|two|three|four|five|six|seven|eight|nine|ten".split("|");
/** Forms of the best score and of none. */
const ENDS: [form: string, score: number][] = [
  ["满分", 10],
  ["full marks", 10],
  ["得分：满分", 10],
  ["零分", 0],
];
/** Forms that say no score from 0 to 10. */
const OTHER_FORMS =
  ("-V|V/5|V-9|V~9分|V0%|N/A|无法判断|pass|fail|✓|✗|met|half|四 out of five|four out of five|七八分|八分半|eight or nine|接近满分|" +
    "满分（5分）|满分5分|not ten|eight and a half|ten? No, six|eight, or nine|十分之八|eight to nine|八分到九分|ten (if lenient) or six|half of ten")
    .split("|");

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
      plain: plain && !remarked && said.every(({ score, spelled }) => score !== null && !spelled),
    };
  }

  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * limit);
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!;
  }

  #form(): Form {
    const drawn = this.#below(10);
    if (drawn < 7) {
      const spelled = this.#below(3) === 0;
      return { form: this.#pick(spelled ? SPELLED : FORMS), isScore: true, spelled };
    }
    const [form, end] = this.#pick(ENDS);
    return drawn === 7
      ? { form, isScore: true, spelled: true, end }
      : { form: this.#pick(OTHER_FORMS), isScore: false };
  }

  #score({ form, isScore, spelled = false, end }: Form): Said {
    const score = end ?? this.#below(11);
    const wide = [...String(score)].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join(
      "",
    );
    const digits = form.endsWith("⃣") ? [...String(score)].join("\ufe0f\u20e3") : String(score);
    const text = form.replace("V", isScore ? digits : String(1 + this.#below(8))).replace("Ｖ", wide)
      .replace("W", ENGLISH[score]!).replace("字", "零一二三四五六七八九十"[score]!);
    return {
      text: /^\d-9/.test(text) ? text.replace("9", "10") : text,
      score: isScore ? score : null,
      spelled,
    };
  }
}

interface Form {
  form: string;
  isScore: boolean;
  spelled?: boolean;
  end?: number;
}
