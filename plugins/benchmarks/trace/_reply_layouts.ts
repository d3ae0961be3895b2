/**
 * The layouts in which judges write their scores down, and what each of them says.
 * @module
 */

/** A score as it is written; null says none from 0 to 10. */
export interface Said {
  text: string;
  score: number | null;
  spelled: boolean;
}

/** What a layout is filled with. */
export interface Layout {
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

/** By their names. */
export const LAYOUTS: Record<string, (layout: Layout) => Made> = {
  "name and score": (layout) => ({
    body: lines(layout, (label, text, said) => `${label}${text}${layout.sign}${said}${layout.remark()}`),
    plain: layout.sign !== " " && layout.sign !== "\t",
  }),
  "number and score": (layout) => ({
    body: lines(
      layout,
      (_, __, said, i) => `${layout.pick(["Constraint ", "约束", "C"])}${i + 1}: ${said}${layout.remark()}`,
    ),
    plain: true,
  }),
  "score in front": (layout) => ({
    body: lines(layout, (_, __, said, i) => `${said} ${layout.pick(["", "- ", ": "])}${layout.full[i]}`),
  }),
  "number, score, name": (layout) => ({
    body: lines(layout, (label, text, said) => `${label}${said} ${layout.pick(["", "- ", ": "])}${text}`),
  }),
  "score in brackets, number, name": (layout) => ({
    body: lines(layout, (_, text, __, i) => `[${layout.said[i]!.score ?? "x"}] ${i + 1}. ${text}`),
  }),
  "number in brackets, name": (layout) => ({
    body: lines(
      layout,
      (_, text, said, i) => `[${i + 1}] ${text}${layout.pick([": ", " ", "", " - "])}${said}`,
    ),
  }),
  "label and score": (layout) => ({
    body: lines(layout, (label, _, said) => `${label}${said}${layout.remark()}`),
  }),
  "names, then scores": (layout) => ({
    body: `${layout.full.join("\n")}\n\n${lines(layout, (label, _, said) => `${label}${said}`)}`,
  }),
  "names only": (layout) => ({
    body: lines(layout, (label, text) => `${label}${text}`),
    scores: none(layout),
  }),
  "one left out": (layout) => {
    const out = layout.below(layout.texts.length);
    return {
      body: lines(layout, (_, text, said, i) => i === out ? "" : `${i + 1}. ${text}: ${said}`),
      scores: layout.said.map(({ score }, i) => i === out ? null : score),
    };
  },
  "the same number": (layout) => ({ body: lines(layout, (_, text, said) => `1. ${text}: ${said}`) }),
  "table": (layout) => ({
    body: "| # | Constraint | Score |\n|---|---|---|\n" +
      lines(layout, (_, text, said, i) => `| ${i + 1} | ${text} | ${said} |`),
    plain: true,
  }),
  "table with counts": (layout) => ({
    body: "| Constraint | Found | Score |\n|---|---|---|\n" +
      lines(layout, (_, text, said) => `| ${text} | ${layout.below(9)} | ${said} |`),
    plain: true,
  }),
  "table without heads": (layout) => ({
    body: lines(
      layout,
      (_, __, said, i) => `| ${layout.full[i]} | ${said} | ${layout.pick(["ok", "2 errors", "3"])} |`,
    ),
  }),
  "JSON": (layout) => ({
    body: JSON.stringify([
      Object.fromEntries(layout.full.map((text, i) => [text, layout.said[i]!.score ?? "?"])),
    ]),
    plain: true,
  }),
  "JSON in a fence": (layout) => ({
    body: `\`\`\`json\n${
      JSON.stringify(
        layout.texts.map((text, i) => ({ [text]: layout.said[i]!.text + layout.remark() })),
        null,
        1,
      )
    }\n\`\`\``,
  }),
  "fields": (layout) => ({
    body: JSON.stringify(
      layout.texts.map((text, i) => ({
        id: i + 1,
        constraint: text,
        [layout.pick(["limit", "found", "weight", "confidence"])]: layout.below(9),
        score: layout.said[i]!.score ?? layout.said[i]!.text,
        reason: "共3处，8分",
      })),
    ),
    plain: true,
  }),
  "score below": (layout) => ({
    body: lines(
      layout,
      (label, text, said) =>
        `${label}${text}\n  ${layout.pick(["Score: ", "得分：", ""])}${said}${layout.remark()}`,
    ),
  }),
  "counts and score below": (layout) => ({
    body: lines(
      layout,
      (label, text, said) =>
        `${label}${text}\n - found ${layout.below(12)} of ${layout.below(5)}\n - 共${layout.below(9)}处：${
          layout.below(9)
        }个\n - 得分: ${said}`,
    ),
  }),
  "in one line": (layout) => ({
    body: layout.said.map(({ text }, i) => `${layout.pick(["C", "Constraint ", "约束"])}${i + 1}=${text}`)
      .join(
        layout.pick([", ", "; ", "，", "；"]),
      ),
  }),
  "numbers in one line": (layout) => ({
    body: layout.said.map(({ text }, i) => `${i + 1}. ${text}`).join(layout.pick([", ", "; ", " "])),
  }),
  "Chinese": (layout) => ({
    body: lines(
      layout,
      (_, __, said, i) => `第${i + 1}条${layout.pick(["：", "得", "，得分", "为"])}${said}${layout.remark()}`,
    ),
  }),
  "counts in front": (layout) => ({
    body: lines(layout, (label, text, said) => {
      const counted = layout.pick([
        "要求3个，实际",
        "Requires 3: found ",
        `limit: ${layout.below(99)}, count: `,
      ]);
      return `${label}${text}: ${counted}${layout.below(9)}${
        layout.pick([". Score: ", "。得分：", ", so ", "；评分："])
      }${said}`;
    }),
  }),
  "another scale": (layout) => ({
    heading: `Fine Grained Score${
      layout.pick([" (1-5)", " (out of 5)", "（满分5分）", " (each out of 5)", " (/5)", " [0-5]", " (0-100)"])
    }:\n`,
    body: lines(layout, (label, text) => `${label}${text}: ${1 + layout.below(5)}`),
    scores: none(layout),
  }),
  "YAML records": (layout) => {
    const first = layout.pick(["score", "constraint"]);
    const record = (i: number) => {
      const fields = [
        `constraint: ${layout.pick(["", '"'])}${layout.full[i]}`.replace(/"(.*)$/, '"$1"'),
        `reason: ${layout.pick(["2 of 3", "共3处", "score was 4"])}`,
      ];
      const score = `score: ${layout.said[i]!.score ?? "N/A"}`;
      const all = first === "score" ? [score, ...fields] : [...fields, score];
      return `- ${all.join("\n  ")}`;
    };
    return {
      body: `\`\`\`yaml\n${layout.pick(["", "scores:\n"])}${
        layout.texts.map((_, i) => record(i)).join("\n")
      }\n\`\`\``,
      plain: true,
    };
  },
  "scores in a list in a fence": (layout) => ({
    body: `\`\`\`yaml\n${layout.texts.map((_, i) => `- ${layout.said[i]!.text}`).join("\n")}\n\`\`\``,
  }),
  "score above": (layout) => ({
    body: layout.texts.map((text, i) =>
      `${layout.pick(["Score: ", "得分："])}${layout.said[i]!.text}\n${i + 1}. ${text}`
    )
      .join("\n"),
  }),
  "table in bold": (layout) => ({
    body: "| **#** | **Constraint** | **Score** | **Why** |\n|:-:|---|:-:|---|\n" +
      lines(
        layout,
        (_, text, said, i) => `| **${i + 1}** | **${text}** | **${said}** | ${layout.below(9)} of 9 |`,
      ),
  }),
  "two evaluations": (layout) => ({
    body: `${
      lines(layout, (_, text, __, i) => `${i + 1}. ${text}: ${layout.below(11)}`)
    }\n\nConstraints Overall Score: [[${layout.below(11)}]]\n\nOn reflection:\nFine Grained Score:\n${
      lines(layout, (_, text, said, i) => `${i + 1}. ${text}: ${said}`)
    }`,
  }),
  "the template first": (layout) => ({
    body: `[{"constraint text": score}]\nConstraints Overall Score: [[d]]\n\nFine Grained Score: ${
      JSON.stringify([Object.fromEntries(layout.full.map((text, i) => [text, layout.said[i]!.score ?? "?"]))])
    }`,
    plain: true,
  }),
  "shares behind dashes": (layout) => ({
    body: lines(
      layout,
      (_, text, said, i) =>
        `${i + 1}. ${text}: ${said}${layout.pick([" — ", " - "])}${layout.below(12)} of ${
          20 + layout.below(60)
        }${layout.pick(["", " words", "处"])}`,
    ),
  }),
  "tags": (layout) => ({
    body: lines(layout, (_, __, said, i) => `<constraint id="${i + 1}">${said}</constraint>`),
  }),
};
