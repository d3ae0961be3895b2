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
  "YAML records": (at) => {
    const first = at.pick(["score", "constraint"]);
    const record = (i: number) => {
      const fields = [
        `constraint: ${at.pick(["", '"'])}${at.full[i]}`.replace(/"(.*)$/, '"$1"'),
        `reason: ${at.pick(["2 of 3", "共3处", "score was 4"])}`,
      ];
      const score = `score: ${at.said[i]!.score ?? "N/A"}`;
      const all = first === "score" ? [score, ...fields] : [...fields, score];
      return `- ${all.join("\n  ")}`;
    };
    return {
      body: `\`\`\`yaml\n${at.pick(["", "scores:\n"])}${
        at.texts.map((_, i) => record(i)).join("\n")
      }\n\`\`\``,
      plain: true,
    };
  },
  "scores in a list in a fence": (at) => ({
    body: `\`\`\`yaml\n${at.texts.map((_, i) => `- ${at.said[i]!.text}`).join("\n")}\n\`\`\``,
  }),
  "score above": (at) => ({
    body: at.texts.map((text, i) => `${at.pick(["Score: ", "得分："])}${at.said[i]!.text}\n${i + 1}. ${text}`)
      .join("\n"),
  }),
  "table in bold": (at) => ({
    body: "| **#** | **Constraint** | **Score** | **Why** |\n|:-:|---|:-:|---|\n" +
      lines(at, (_, text, said, i) => `| **${i + 1}** | **${text}** | **${said}** | ${at.below(9)} of 9 |`),
  }),
  "two evaluations": (at) => ({
    body: `${
      lines(at, (_, text, __, i) => `${i + 1}. ${text}: ${at.below(11)}`)
    }\n\nConstraints Overall Score: [[${at.below(11)}]]\n\nOn reflection:\nFine Grained Score:\n${
      lines(at, (_, text, said, i) => `${i + 1}. ${text}: ${said}`)
    }`,
  }),
  "the template first": (at) => ({
    body: `[{"constraint text": score}]\nConstraints Overall Score: [[d]]\n\nFine Grained Score: ${
      JSON.stringify([Object.fromEntries(at.full.map((text, i) => [text, at.said[i]!.score ?? "?"]))])
    }`,
    plain: true,
  }),
  "shares behind dashes": (at) => ({
    body: lines(
      at,
      (_, text, said, i) =>
        `${i + 1}. ${text}: ${said}${at.pick([" — ", " - "])}${at.below(12)} of ${20 + at.below(60)}${
          at.pick(["", " words", "处"])
        }`,
    ),
  }),
  "tags": (at) => ({
    body: lines(at, (_, __, said, i) => `<constraint id="${i + 1}">${said}</constraint>`),
  }),
};
