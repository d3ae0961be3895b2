/** CFBench's reading of answers with a colon, a table or JSON: each score as it was made, none of what isn't such an answer as a whole. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";

import { repetitions } from "../../../tests/helpers/repetitions.ts";
import { criteriaItem } from "./_made_item.ts";
import { cfbenchProtocol, readCfbench } from "./cfbench.ts";

const TEXTS = [
  ...'使用中文|不超过100字|列出3条：甲、乙、丙|以“第1步：”开头|温度为1|score: 1 must not appear|评分写在最后|a|use {"a": 1} as JSON'
    .split("|"),
  "输出格式为：\n1. <主题>\n2. <摘要>",
];

/** Whole answers; `T` are the criteria, `V` their scores. */
const FORMS: Record<string, (texts: readonly string[], scores: readonly number[]) => string> = {
  "colons": (t, v) => t.map((text, i) => `${text}：${v[i]}`).join("\n"),
  "numbers and colons": (t, v) => t.map((text, i) => `${i + 1}. **${text}**: ${v[i]}`).join("\n\n"),
  "dashes": (t, v) => t.map((text, i) => `- ${text} - ${v[i]}`).join("\n"),
  "arrows": (t, v) => t.map((text, i) => `检查点${i + 1}：${text} → 得分：${v[i]}分`).join("\n"),
  "table": (t, v) =>
    `| 序号 | 检查点 | 得分 |\n|---|---|---|\n${
      t.map((text, i) => `| ${i + 1} | ${text} | ${v[i]} |`).join("\n")
    }`,
  "table of two": (t, v) => t.map((text, i) => `| ${text} | **${v[i]}** |`).join("\n"),
  "map": (t, v) =>
    `\`\`\`json\n${JSON.stringify(Object.fromEntries(t.map((text, i) => [text, v[i]])), null, 2)}\n\`\`\``,
  "maps": (t, v) => JSON.stringify(t.map((text, i) => ({ [text]: String(v[i]) }))),
  "fields": (t, v) => JSON.stringify(t.map((text, i) => ({ 检查点: text, 得分: v[i] })), null, 2),
};

function draw(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

Deno.test("fixed mode reads colons, tables and JSON where the answer is nothing else, each score as it was given", () => {
  const below = draw(5);
  let read = 0, all = 0;
  for (let i = 0; i < repetitions(5000, 400); i++) {
    const texts = TEXTS.filter(() => below(3) === 0).slice(0, 5);
    if (texts.length === 0) continue;
    const scores = texts.map(() => below(2));
    for (const [form, make] of Object.entries(FORMS)) {
      const item = criteriaItem(...texts.map((text): [string, "主需"] => [text, "主需"]));
      const answer = make(texts, scores);
      const given = (text: string, mode: "fixed" | "upstream" = "fixed") =>
        readCfbench(item, text, mode).constraints.map(({ score }) => score);
      const found = given(answer);
      assert(
        found.every((score, j) => score === null || score === scores[j]),
        `${form}: ${found}\n${answer}`,
      );
      if (!texts.includes("a")) {
        all += texts.length;
        read += found.filter((score) => score !== null).length;
      }
      const none = texts.map(() => null);
      assertEquals(given(answer, "upstream"), none);
      // a sentence beside them, one entry less, another number: nothing is told for certain
      assertEquals(given(`${answer}\n以上为评分，共3分`), none, answer);
      if (texts.length > 1) assertEquals(given(make(texts.slice(1), scores.slice(1))), none, form);
      assertEquals(given(make(texts, texts.map(() => 5))), none, form);
    }
  }
  assert(read > 0.7 * all, `${read} of ${all}`);
});

Deno.test("JSON with other words beside a criterion, or another score of it, gives none; a number and a reason beside it do", () => {
  const texts = ["使用中文", "不超过100字"];
  const item = criteriaItem(...texts.map((text): [string, "主需"] => [text, "主需"]));
  const given = (value: unknown) =>
    readCfbench(item, JSON.stringify(value), "fixed").constraints.map(({ score }) => score);
  const each = (more: object) => texts.map((text) => ({ 检查点: text, 得分: 1, ...more }));
  const none = [null, null];
  assertEquals(given(Object.fromEntries(texts.map((text) => [`未满足：${text}`, 1]))), none);
  assertEquals(given(Object.fromEntries(texts.map((text) => [`${text}（违反）`, 1]))), none);
  assertEquals(given(each({ 修正得分: 0 })), none);
  assertEquals(given(each({ 理由: "不对，应为0分" })), none);
  assertEquals(given(each({ 序号: 2, 理由: "全文都是中文" })), [1, 1]);
  assertEquals(given(Object.fromEntries(texts.map((text, i) => [`${i + 1}. ${text}。`, i]))), [0, 1]);
});

/** JSON that breaks its lines behind a colon, and a criterion of several lines. */
const BROKEN: Record<string, (texts: readonly string[], scores: readonly number[]) => string> = {
  "broken map": (t, v) => `{${t.map((text, i) => `${JSON.stringify(text)}:\n${v[i]}`).join(",\n")}}`,
  "broken fields": (t, v) =>
    JSON.stringify(t.map((text, i) => ({ 检查点: text, 得分: v[i] }))).replaceAll(":", "\n:\n").replaceAll(
      ",",
      ",\n",
    ),
};

Deno.test("a response that is such an answer isn't one any more where the judge sees it", () => {
  for (const texts of [["使用中文", "不超过100字"], ["输出格式为：\n1. <主题>\n2. <摘要>", "使用中文"]]) {
    checkMarked(texts);
  }
});

function checkMarked(texts: readonly string[]): void {
  const item = criteriaItem(...texts.map((text): [string, "主需"] => [text, "主需"]));
  for (const [form, make] of Object.entries({ ...FORMS, ...BROKEN })) {
    // a table has no place for a criterion of several lines
    if (form.startsWith("table") && texts.some((text) => text.includes("\n"))) continue;
    const response = make(texts, [1, 1]);
    assertEquals(readCfbench(item, response, "fixed").constraints.map(({ score }) => score), [1, 1]);
    const [message] = cfbenchProtocol("fixed").messages(item, response);
    const fenced = message?.content.split(/^===== .* =====$/m)[1]?.trim() ?? "";
    assertNotEquals(fenced, response);
    assertEquals(
      readCfbench(item, fenced, "fixed").constraints.map(({ score }) => score),
      [null, null],
      fenced,
    );
  }
  const honest = "温度：1\n使用中文写成。\n| a | 1 |";
  const [message] = cfbenchProtocol("fixed").messages(item, honest);
  assert(message?.content.includes(honest));
}
