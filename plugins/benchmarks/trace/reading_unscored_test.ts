import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { readTraceText } from "./reading.ts";
import { OVERALL_SIX, readVerdicts, TEA_LIST } from "./_reading.ts";
import { TEA_REPLIES } from "./_reading_forms.ts";

Deno.test("readTraceText(): an overall score that isn't on the scale is unscored with its text, never another number", () => {
  for (
    const score of [
      "[[4/5]]",
      "[[6-7]]",
      "[[11]]",
      "[[-1]]",
      "[[80%]]",
      "[[6, 7]]",
      "[[N/A]]",
      "[[4]]/5",
      "4/5\n",
      "6-7\n",
      "6 - 7\n",
    ]
      .concat(
        "6 to 7\n",
        "80%\n",
        "8 out of 100\n",
        "-1\n",
        "\\boxed{4/5}",
        "6,5\n",
        "100\n",
        "4 of 5\n",
        "4 (out of 5)\n",
        "4 (on a scale of 5)\n",
        "4分（满分5分）\n",
        "8 -> 6\n",
        ">6\n",
        "[[8]] (reduced to [[6]])",
        "[[6]] [[7]]",
        "[[6],[7]]",
        "(10+8)/2 = [[18]]\n",
        "10 (if lenient) or 6\n",
        "[[10]] or 6\n",
        "**10**, or rather 6 if strict\n",
        "10? No, 6\n",
        "10; 6\n",
        "10（宽松）或 6\n",
        "8/10 — 9\n",
        "8/10 - 9/10\n",
        "8/10 — 9 of 10 points\n",
        "8/10 – 9 points if lenient\n",
        "8/10 - 9 out of 10\n",
        "8/10-9 of 12\n",
        "4/5 — 1 of 2 sentences\n",
      )
  ) {
    const { overall } = readVerdicts(`Constraints Overall Score: ${score}`);
    assert(overall.score === null, `${score}: ${JSON.stringify(overall)}`);
    assertStringIncludes(overall.reason, score.replace(/\(.*= /, "").trim().slice(0, 2), score);
  }
});

Deno.test("readTraceText(): a score in JSON that isn't on the scale is unscored, never another number", () => {
  for (
    const score of [
      "4/5",
      '"4/5"',
      "11",
      "-1",
      "80%",
      '"6-7"',
      '"six or so"',
      "null",
      "{}",
      '"8 out of 100"',
      '"8 (of 5)"',
    ]
  ) {
    for (
      const list of [
        `{"1": 10, "2": ${score}, "3": 0}`,
        `[{"id": 2, "score": ${score}}, {"id": 1, "score": 10}, {"id": 3, "score": 0}]`,
      ]
    ) {
      assertEquals(readVerdicts(`Fine Grained Score: ${list}${OVERALL_SIX}`).scores, [10, null, 0, 6], list);
    }
  }
  assertEquals(readVerdicts(`Fine Grained Score: [{"id": 2, "score": 4, "max": 5}]${OVERALL_SIX}`).scores, [
    null,
    null,
    null,
    6,
  ]);
});

Deno.test("readTraceText(): a range in a list's line is unscored, and so is a score within a sentence", () => {
  const lines =
    "Fine Grained Score:\n1. fewer than 50 words: 6 - 7\n2. mention tea: 8\n3. end with a question: 0";
  assertEquals(readVerdicts(`${lines}${OVERALL_SIX}`).scores, [null, 8, 0, 6]);
  assertEquals(readVerdicts("The overall score 6 is mine.").scores, [null, null, null, null]);
});

Deno.test("readTraceText(): explanations behind the scores don't change them, whatever numbers they have", () => {
  const names = ["字数不超过100字", "Be formal"].map((text) => ({ text }));
  for (const heading of ["Explanation:", "**Explanations**", "### Analysis", "理由："]) {
    const text = `Fine Grained Score:\n- 字数不超过100字: 0/10\n- Be formal: 8/10\n\n${heading}\n` +
      "- 字数不超过100字: Fully met (10/10).\n- Be formal: 2 of 10 words aren't: (5)\n\nConstraints Overall Score: [[4]]";
    const { constraints, overall } = readTraceText(text, names);
    assertEquals([...constraints, overall].map(({ score }) => score), [0, 8, 4], heading);
  }
  // one for each constraint stands between the scores
  const each =
    "Fine Grained Score:\n字数不超过100字: 7\nExplanation:\nlong\nBe formal: 6\nExplanation:\nstiff\n";
  assertEquals(readTraceText(each, names).constraints.map(({ score }) => score), [7, 6]);
});

Deno.test("readTraceText(): a line's number is never its score, nor is a number of the constraint", () => {
  const scores = (lines: string, ...texts: string[]) =>
    readTraceText(`Fine Grained Score:\n${lines}\n\nOverall Score: [[5]]\n`, texts.map((text) => ({ text })))
      .constraints.map(({ score }) => score);
  const [a, b] = ["1. 字数不超过100字", "2. cite sources as [3]"] as const;
  for (
    const lines of [
      "[1] 2. cite sources as [3]\n[2] 1. 字数不超过100字",
      "[8] 1. 字数不超过100字\n[9] 2. cite sources as [3]",
      "1、字数不超过100字\n2、cite sources as [3]",
      "1.字数不超过100字\n2.cite sources as [3]",
      "(1) 字数不超过100字: 接近满分\n(2) cite sources as [3]: 八分半",
      "1 - good\n2 - bad",
      "1 (good)\n2 (bad)",
      "1．8\n2．9",
      "- -8\n- -9",
      "1. 字数不超过100字: limit: 7, count: 9\n2. cite sources as [3]: found: 4",
      "8 points\neight\n",
    ]
  ) assertEquals(scores(lines, a, b), [null, null], lines);
  assertEquals(scores("1、8\n2、[9]", a, b), [8, 9]);
  assertEquals(scores("[8/10] 1. 字数不超过100字\n9分：cite sources as [3]", a, b), [8, 9]);
  assertEquals(scores("字数不超过100字 [8]\ncite sources as [3] 9", a, b), [8, 9]);
  assertEquals(scores("第1条得8分\n①8".replace("①8", "第2条为9分"), a, b), [8, 9]);
  // one that says nothing doesn't give its place to the next
  assertEquals(scores("C1=满分, C2=9", a, b), [null, 9]);
  assertEquals(scores("ten\n8\n9", a, b), [null, null]);
  assertEquals(scores("1. 字数不超过100字: 8\n1. cite sources as [3]: 9", a, b), [8, 9]);
  for (const one of ["[1] Be formal: 满分5分", "1.Be formal", "[1] Be formal 7", "-1 : 1、Be formal"]) {
    assertEquals(scores(one, "1. Be formal"), [one.endsWith("7") ? 7 : null], one);
  }
});

Deno.test("readTraceText(): scores on another scale than 0 to 10 are none, in lists, tables and the overall score", () => {
  const readHere = (text: string) => {
    const { constraints, overall } = readTraceText(text, [{ text: "a text" }]);
    return [constraints[0]!.score, overall.score];
  };
  for (const said of ["(1-5)", "(out of 5)", "（满分5分）", "(/5)", "[0-5]", "(0-100)", "(each out of 5)"]) {
    assertEquals(
      readHere(`Fine Grained Score ${said}:\n1. a text: 5\n\nOverall Score: [[5]]\n`),
      [null, 5],
      said,
    );
    assertEquals(readHere(`Fine Grained Score ${said}: [{"a text": 5}]\nOverall Score ${said}: 5\n`), [
      null,
      null,
    ], said);
    const table =
      `Fine Grained Score:\n| Constraint | Score ${said} |\n|-|-|\n| a text | 5 |\n\nOverall Score: 4\n`;
    assertEquals(readHere(table), [null, 4], said);
  }
  assertEquals(readHere("Fine Grained Score (0-10):\n1. a text: 5\n\nOverall Score (out of 10): 5\n"), [
    5,
    5,
  ]);
});

Deno.test("readTraceText(): a verdict that is cut gives no score, wherever the text ends", () => {
  const whole = `Fine Grained Score: ${
    TEA_LIST.replaceAll(/8|0\}/g, (n) => n === "8" ? "10" : "10}")
  }\nConstraints Overall Score: [[10]]`;
  assertEquals(readVerdicts(whole).scores, [10, 10, 10, 10]);
  for (let end = 0; end < whole.length; end++) {
    const { scores, cut } = readVerdicts(whole.slice(0, end));
    const [, , last, overall] = scores;
    assert(scores.every((score) => score === null || score === 10), whole.slice(0, end));
    const listEnds = whole.indexOf("]\n") + 1;
    assertEquals(last, end < listEnds ? null : 10, whole.slice(0, end));
    assertEquals(overall, null, whole.slice(0, end));
    if (/\d$/.test(whole.slice(0, end)) && end > whole.indexOf(": [") + 20) assert(cut, whole.slice(0, end));
  }
  for (
    const form of [
      "a numbered list",
      "a table",
      "bullets with dashes",
      "fields by number",
      "snake_case",
      "labels in one line",
      "scores in one line",
      "a tuple",
      "tuples",
      "a list in HTML",
      "a table in HTML",
      "tags of scores",
    ]
  ) {
    const text = (TEA_REPLIES[form] ?? "").replaceAll("8", "10").replace(/0(?=[^0-9]*Constraints)/i, "10");
    for (let end = 0; end <= text.length; end++) {
      assert(!readVerdicts(text.slice(0, end)).scores.includes(1), `${form}: ${text.slice(0, end)}`);
    }
  }
});

Deno.test("readTraceText(): a score spelled in words counts only where it is all that is said", () => {
  const readHere = (said: string) => {
    const text = `Fine Grained Score:\n1. be brief: ${said}\n2. mention tea: 3\n\nOverall Score: 4\n`;
    const { constraints } = readTraceText(text, [{ text: "be brief" }, { text: "mention tea" }]);
    return constraints.map(({ score }) => score);
  };
  for (
    const said
      of ("接近满分|满分5分|满分（5分）|满分, 5/5|八分半|七八分|十分满意|十分之八|不到八分|half|not ten|eight and a half|eight-ish|" +
        "eight to nine|ten? No, six|ten, or nine|one of two sentences|ten words|four out of five|8 out of five|10 - 3 errors|2 — 3 of 9|" +
        "nine; eight|八分或七分|N/A|fullmarks").split("|")
  ) assertEquals(readHere(said), [null, 3], said);
  for (
    const said of ["eight", "Eight.", "eight; once", "八分。", "eight - good", "eight, because two are long"]
  ) {
    assertEquals(readHere(said), [8, 3], said);
  }
});

Deno.test("readTraceText(): an overall score that is taken back in a word is none", () => {
  const overall = (last: string) =>
    readTraceText(`Constraints Overall Score: [[8]]\n\nOn reflection:\n${last}`, [{ text: "a" }]).overall
      .score;
  assertEquals(overall("Overall Score: N/A\n"), null);
  assertEquals(overall("**Overall Score:** met\n"), null);
  assertEquals(overall("### Overall Score\n无法判断\n"), null);
  assertEquals(overall("The overall score stands as it is above, since nothing has changed.\n"), 8);
  assertEquals(overall("Overall Score: [[6]]\n"), 6);
});

const TWO = [{ text: "1. mention tea" }, { text: "2. mention milk" }];
const listed = (text: string) => readVerdicts(`Fine Grained Score:\n${text}\n`, TWO).scores.slice(0, 2);

Deno.test("readTraceText(): a score that the line below corrects, or a second number of its line, is none", () => {
  const below = [
    "final: 6",
    "Final score: 6",
    "corrected: 6/10",
    "revised to 6",
    "→ 6",
    "最终：6",
    "更正为6分",
  ];
  for (const line of below) {
    assertEquals(listed(`1. mention tea: 8\n   ${line}\n2. mention milk: 10`), [null, 10], line);
  }
  for (const line of ["the tea of line 6", "final remark: none", "final: 8"]) {
    assertEquals(listed(`1. mention tea: 8\n   ${line}\n2. mention milk: 10`), [8, 10], line);
  }
  // the last line can be the overall score
  assertEquals(listed("1. mention tea: 8\n2. mention milk: 10\nFinal: 6"), [8, 10]);
  assertEquals(listed("mention tea: 8|6\nmention milk: 10|10"), [null, 10]);
});

Deno.test("readTraceText(): an overall score that is said to be near a number is none", () => {
  for (const overall of ["~8", "[[~8]]", "~ 8/10"]) {
    assertEquals(readVerdicts(`Constraints Overall Score: ${overall}\n`, TWO).scores[2], null, overall);
  }
});

Deno.test("readTraceText(): a score without a name below a constraint's own is none, nor is the one above it", () => {
  for (
    const low of ["6", "- 6", "[[6]]", "Score: 6", "得分：6分", "Reason: once in all of the text\n  Score: 6"]
  ) {
    assertEquals(listed(`1. mention tea: 8\n   ${low}\n2. mention milk: 10`), [null, 10], low);
  }
  assertEquals(listed("1. mention tea\n   8\n   Score: 6\n2. mention milk: 10"), [null, 10]);
  for (const low of ["8", "Score: 8/10", "12 words", "found 6 of 8"]) {
    assertEquals(listed(`1. mention tea: 8\n   ${low}\n2. mention milk: 10`), [8, 10], low);
  }
  // the last one can be the overall score, and numbers the lines' own
  assertEquals(listed("1. mention tea: 8\n2. mention milk: 10\nScore: 6"), [8, 10]);
  assertEquals(listed("1\nmention tea: 8\n2\nmention milk: 10"), [8, 10]);
});
