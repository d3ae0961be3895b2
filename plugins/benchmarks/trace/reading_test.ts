/** The forms that judges write, one table; what each is worth was worked out by hand. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { readTraceText } from "./reading.ts";

const CONSTRAINTS = [{ text: "1. fewer than 50 words" }, { text: "2. mention tea" }, {
  text: "3. end with a question",
}];
const LIST = '[{"1. fewer than 50 words": 10, "2. mention tea": 8, "3. end with a question": 0}]';
const OVERALL = "\nConstraints Overall Score: [[6]]\n";

function read(text: string, constraints: readonly { text: string; rule?: { id: string } }[] = CONSTRAINTS) {
  const { constraints: verdicts, overall, cut } = readTraceText(text, constraints);
  return { scores: [...verdicts, overall].map(({ score }) => score), verdicts, overall, cut };
}

/** All of these say 10, 8 and 0 of the constraints, and 6 overall. */
const FORMS: Record<string, string> = {
  "the form asked for": `Explanation: x\nFine Grained Score: ${LIST}${OVERALL}`,
  "headings without a colon":
    `### Explanation\nx\n\n### Fine Grained Score\n\`\`\`json\n${LIST}\n\`\`\`\n\n` +
    "### Constraints Overall Score\n[[6]]",
  "bold headings":
    `**Explanation**\nx\n**Fine Grained Score**\n${LIST}\n**Constraints Overall Score**\n**[[6]]**`,
  "bold labels": `**Fine-Grained Scores:** ${LIST}\n**Constraints Overall Score:** [[6]]`,
  "numbered headings":
    `1. Explanation\nx\n2. Fine Grained Score\n${LIST}\n3. Constraints Overall Score\n[[6]]`,
  "snake_case": `{"explanation": "x", "fine_grained_score": ${LIST}, "constraints_overall_score": 6}`,
  "camelCase": `{"explanation": "x", "fineGrainedScore": ${LIST}, "constraintsOverallScore": 6}`,
  "camelCase, overall first":
    `{"constraintsOverallScore": 6, "fineGrainedScores": ${LIST}, "explanation": "x"}`,
  "keys with blanks": `{\n  "Fine Grained Score": ${LIST},\n  "Constraints Overall Score": [[6]]\n}`,
  "a map without a list": `Fine Grained Score: ${LIST.slice(1, -1)}${OVERALL}`,
  "a map per constraint":
    `Fine Grained Score: [{"1. fewer than 50 words": 10}, {"2. mention tea": 8}, {"3. end with a question": 0}]${OVERALL}`,
  "fields, constraint first":
    `Fine Grained Score: [{"constraint": "1. fewer than 50 words", "score": 10}, {"constraint": "2. mention tea", "score": 8}, ` +
    `{"constraint": "3. end with a question", "score": 0}]${OVERALL}`,
  "fields, score first, another order":
    `Fine Grained Score: [{"score": 0, "constraint": "3. end with a question"}, {"score": 10, "reason": "49: 1, 2", ` +
    `"constraint": "1. fewer than 50 words"}, {"score": "8/10", "constraint": "2. mention tea"}]${OVERALL}`,
  "fields by number":
    `Fine Grained Score: [{"id": 3, "score": 0}, {"id": 1, "score": 10}, {"id": 2, "score": 8}]${OVERALL}`,
  "fields by number in words":
    `Fine Grained Score: [{"constraint": "Constraint 3", "score": 0}, {"constraint": "#1", "score": 10}, {"constraint": "约束2", ` +
    `"score": 8}]${OVERALL}`,
  "keys that are numbers": `Fine Grained Score: {"3": 0, "1": 10, "2": 8}${OVERALL}`,
  "keys with a number":
    `Fine Grained Score: {"constraint_2": 8, "constraint_1": 10, "constraint_3": 0}${OVERALL}`,
  "maps within a map":
    `Fine Grained Score: {"2. mention tea": {"reason": "once: 1", "score": 8}, "1. fewer than 50 words": {"score": 10}, ` +
    `"3. end with a question": {"score": 0}}${OVERALL}`,
  "a list under a key":
    `Fine Grained Score: {"constraints": [{"id": 1, "score": 10}, {"id": 2, "score": 8}, {"id": 3, "score": 0}]}` +
    OVERALL,
  "pairs":
    `Fine Grained Score: [["2. mention tea", 8], ["1. fewer than 50 words", 10], ["3. end with a question", 0]]${OVERALL}`,
  "texts with their scores":
    `Fine Grained Score: ["1. fewer than 50 words: 10", "2. mention tea: 8/10", "3. end with a question: 0"]${OVERALL}`,
  "words without quotes":
    `Fine Grained Score: [1. fewer than 50 words: 10, 2. mention tea: 8, 3. end with a question: 0]${OVERALL}`,
  "bare numbers": `Fine Grained Score: [10, 8, 0]${OVERALL}`,
  "out of ten":
    `Fine Grained Score: {"1": "10/10", "2": "8 / 10", "3": 0/10}\nConstraints Overall Score: 6/10`,
  "points":
    `Fine Grained Score: {"1": "10 points", "2": 8分, "3": "0 pts"}\nConstraints Overall Score: 6 points\n`,
  "Python's quotes": `Fine Grained Score: ${LIST.replaceAll('"', "'")}${OVERALL}`,
  "typographic quotes":
    `Fine Grained Score: [{“1. fewer than 50 words”: 10, “2. mention tea”: 8, “3. end with a question”: 0}]${OVERALL}`,
  "signs of another width":
    `Fine Grained Score：［｛"1. fewer than 50 words"：１０，"2. mention tea"：８，"3. end with a question"：０｝］\n` +
    "Constraints Overall Score：【【６】】",
  "black brackets": `Fine Grained Score: ${LIST}\nConstraints Overall Score: 【【6】】`,
  "boxed": `Fine Grained Score: ${LIST}\nConstraints Overall Score: $\\boxed{6}$`,
  "a sum": `Fine Grained Score: ${LIST}\nConstraints Overall Score: (10+8+0)/3 = [[6]]`,
  "a sum without brackets":
    `Fine Grained Score: ${LIST}\nConstraints Overall Score: (10 + 8 + 0) / 3 = 18/3 = 6.0\n`,
  "the scale said": `Fine Grained Score (0-10): ${LIST}\nConstraints Overall Score (out of 10): [[6]]`,
  "the scale behind": `Fine Grained Score: ${LIST}\nConstraints Overall Score: [[6]]/10`,
  "the scale within": `Fine Grained Score: ${LIST}\nConstraints Overall Score: [[6/10]]`,
  "a remark behind": `Fine Grained Score: ${LIST}\nConstraints Overall Score: 6 (two of three)`,
  "a sentence behind": `Fine Grained Score: ${LIST}\nConstraints Overall Score: 6. The question is missing.`,
  "a numbered list":
    `Fine Grained Score:\n1. fewer than 50 words: 10\n2. mention tea: 8\n3. end with a question: 0${OVERALL}`,
  "a numbered list of scores alone": `Fine Grained Score:\n1. 10\n2. 8\n3. 0${OVERALL}`,
  "a numbered list, bold, with remarks":
    `### Fine Grained Score\n1. **fewer than 50 words**: 10/10 (counted: 12)\n2. **mention tea**: 8/10 - once\n` +
    `3. **end with a question**: 0/10\n\n### Constraints Overall Score\n[[6]]`,
  "the first entry in the heading's line":
    `Fine Grained Score: fewer than 50 words: 10\nmention tea: 8\nend with a question: 0${OVERALL}`,
  "the first bullet in the heading's line":
    `**Fine Grained Score:** - fewer than 50 words: 10/10\n- mention tea: 8/10\n- end with a question: 0/10${OVERALL}`,
  "the first constraint in the heading's line":
    `Fine Grained Score: Constraint 1: 10\nConstraint 2: 8\nConstraint 3: 0${OVERALL}`,
  "the first number in the heading's line": `Fine Grained Score: 1: 10\n2: 8\n3: 0${OVERALL}`,
  "remarks that count, behind dashes":
    `Fine Grained Score:\n1. fewer than 50 words: 10/10 — 12 of 50 words\n2. mention tea: 8/10 - 1 of 2 sentences\n` +
    `3. end with a question: 0/10 – 0 of 1\nConstraints Overall Score: 6/10 — 2 of 3 constraints\n`,
  "remarks with a number of something":
    `Fine Grained Score:\n1. fewer than 50 words: 10/10 — 12 words\n2. mention tea: 8 out of 10 - 1 cup\n` +
    `3. end with a question: **0/10** – 3 statements${OVERALL}`,
  "bullets with dashes":
    `Fine Grained Score:\n- fewer than 50 words — 10\n- end with a question — 0\n- mention tea — 8\n${OVERALL}`,
  "bullets with brackets":
    `Fine Grained Score:\n* fewer than 50 words [[10]]\n* mention tea [[8]]\n* end with a question [[0]]\n${OVERALL}`,
  "bullets with parentheses":
    `Fine Grained Score:\n- fewer than 50 words (10)\n- mention tea (8/10)\n- end with a question (0)\n${OVERALL}`,
  "the word score behind":
    `Fine Grained Score:\n1. fewer than 50 words. Score: 10\n2. mention tea. Score: 8\n3. end with a question. Score: 0\n${OVERALL}`,
  "the score below":
    `Fine Grained Score:\n1. fewer than 50 words\n   - **Score:** 10\n2. mention tea\n   - **Score:** 8\n` +
    `3. end with a question\n   - **Score:** 0\n${OVERALL}`,
  "constraint by number":
    `Fine Grained Score:\nConstraint 1: 10\nConstraint 2: 8\nConstraint 3: 0\n${OVERALL}`,
  "a table":
    "### Fine Grained Score\n| Constraint | Score |\n|---|---:|\n| 1. fewer than 50 words | 10 |\n| 2. mention tea | 8 |\n" +
    "| 3. end with a question | 0 |\n\n### Constraints Overall Score\n| 6 |",
  "a table with numbers and remarks":
    "**Fine Grained Score**\n\n| # | Constraint | Score (0-10) | Remark |\n|:-:|---|:-:|---|\n| 2 | mention tea | **8** | 1 of 2 |\n" +
    "| 1 | fewer than 50 words | **10** | 12 words |\n| 3 | end with a question | **0** | |\n\n**Constraints Overall Score**: **6**\n",
  "a table without rules": "Fine Grained Score\n1 | 10\n2 | 8\n3 | 0\nConstraints Overall Score | 6 |",
  "tags":
    `<explanation>x</explanation>\n<fine_grained_score>${LIST}</fine_grained_score>\n<overall_score>6</overall_score>`,
  "a sentence before each score":
    "**Fine-grained scores**\n1. fewer than 50 words: it has 12: enough. Score: 10\n2. mention tea: once, of 2 chances. Score: 8/10\n" +
    "3. end with a question: no. Score: 0\n\n**Constraints overall score:** [[6]]",
  "numbers in words of a list":
    "Fine Grained Score:\n第1条：10分\n第2条：8分\n第3条：0分\nConstraints Overall Score：[[6]]",
  "limits in fields":
    `Fine Grained Score: [{"constraint_id": 2, "score": 8, "max_score": 10}, {"constraint_id": 1, "score": 10, ` +
    `"max_score": 10}, {"constraint_id": 3, "score": 0, "max_score": 10}]${OVERALL}`,
  "commas too many": `Fine Grained Score: ${LIST.replace("}]", ",},]")}${OVERALL}`,
  "commas too few":
    `Fine Grained Score: [{"1. fewer than 50 words": 10\n"2. mention tea": 8 "3. end with a question": 0}]${OVERALL}`,
  "a bracket too few": `Fine Grained Score: ${LIST.slice(0, -1)}${OVERALL}`,
  "both brackets too few": `Fine Grained Score: ${LIST.slice(0, -2)}${OVERALL}`,
  "broken within a key": `Fine Grained Score: ${LIST.replace("50 words", "50\n  words")}${OVERALL}`,
  "other end marks": `Fine Grained Score: ${LIST.replaceAll('":', ';":').replace("1. f", "1、f")}${OVERALL}`,
  "the last of several":
    `Fine Grained Score: [1, 2, 3]\nConstraints Overall Score: [[1]]\nNo:\nFine Grained Score: ${LIST}${OVERALL}`,
  "dashes behind headings":
    "Fine Grained Scores\n- fewer than 50 words – 10\n- mention tea – 8\n- end with a question – 0\n\nOverall Score – 6\n",
  "arrows": "Fine Grained Score:\n1 -> 10\n2 => 8\n3 → 0\nOverall Score -> 6\n",
  "headings in parentheses":
    "细粒度评分 (Fine Grained Score)：\n1、fewer than 50 words：10分\n2、mention tea：8分\n3、end with a question：0分\n" +
    "总体得分 (Constraints Overall Score)：6分\n",
  "scores in parentheses before remarks":
    "**Fine Grained Score**\n1. **fewer than 50 words** (10/10): it has 32 words\n2. **mention tea** (Score: 8) - 2 times\n" +
    "3. **end with a question** (0/10): no\n\n**Overall Score**: **6/10**",
  "labels below headings":
    "## Fine Grained Score\n### 1. fewer than 50 words\nScore: 10\n### 2. mention tea\nScore: 8\n### 3. end with a question\n" +
    "Score: 0\n## Overall Score\n**Score**: 6\n",
  "a sentence": `Fine Grained Score: ${LIST}\nThe constraints overall score is therefore: [[6]].`,
  "a label that is a sentence": `Fine Grained Score: ${LIST}\nConstraints Overall Score is 6.\n`,
  "three brackets": `Fine Grained Score: ${LIST}\nConstraints Overall Score: [[[6]]]`,
  "boxed text": `Fine Grained Score: ${LIST}\nConstraints Overall Score: $\\boxed{\\text{6}}$`,
  "comments in JSON":
    'Fine Grained Score: [\n{"1. fewer than 50 words": 10}, # 12 words\n{"2. mention tea": 8}, // 2 times\n' +
    `/* no: 3 */ {"3. end with a question": 0}\n]${OVERALL}`,
  "labels in one line": `Fine Grained Score: C1=10, C2=8, C3=0${OVERALL}`,
  "numbers in one line": `Fine Grained Score: 1: 10; 2: 8; 3: 0${OVERALL}`,
  "one line below": `**Fine Grained Score**\nC2: 8/10, C1: 10/10, C3: 0/10\n${OVERALL}`,
  "names in one line":
    `Fine Grained Score: mention tea: 8; fewer than 50 words (12, so fine): 10; end with a question: 0${OVERALL}`,
  "names in one line, scores in parentheses":
    `Fine Grained Score: fewer than 50 words (10), mention tea (8), end with a question (0)${OVERALL}`,
  "scores in one line": `Fine Grained Score: 10, 8, 0${OVERALL}`,
  "a tuple": `Fine Grained Score: (10, 8, 0)${OVERALL}`,
  "tuples":
    `Fine Grained Score: [("2. mention tea", 8), ("1. fewer than 50 words", 10), ("3. end with a question", 0)]${OVERALL}`,
  "a variable": `Fine Grained Score:\n\`\`\`python\nscores = ${LIST}\n\`\`\`\n${OVERALL}`,
  "scores of":
    `Fine Grained Score:\n1. fewer than 50 words: score of 10\n2. mention tea: a score of 8\n3. end with a question: Score of 0${OVERALL}`,
  "a list in HTML":
    "<h3>Fine Grained Score</h3><ul><li><b>mention tea</b>: 8</li><li>fewer than 50 words: 10</li><li>end with a question: 0</li>" +
    "</ul><h3>Constraints Overall Score</h3><p>6</p>",
  "a table in HTML":
    "<b>Fine Grained Score</b><table><tr><th>Constraint</th><th>Score</th></tr>\n<tr><td>mention tea</td><td>8</td></tr>\n" +
    "<tr><td>fewer than 50 words</td><td>10</td></tr><tr><td>end with a question</td><td>0</td></tr></table>" +
    "<b>Constraints Overall Score:</b> 6<br>",
  "labels in HTML": `<b>Fine Grained Score:</b> ${LIST}<br><b>Constraints Overall Score:</b> [[6]]<br>`,
  "tags of scores":
    "<fine_grained_scores><score>10</score><score>8</score><score>0</score></fine_grained_scores>" +
    "<overall_score><score>6</score></overall_score>",
  "tags with numbers":
    '<fine_grained_score>\n<constraint id="2">8</constraint>\n<constraint id="1">10</constraint>\n<constraint id="3">0</constraint>\n' +
    "</fine_grained_score>\n<constraints_overall_score>6</constraints_overall_score>",
  "a tag around the overall score":
    `Fine Grained Score: ${LIST}\nConstraints Overall Score: <score>6</score>`,
  "words":
    "Fine Grained Score:\n1. fewer than 50 words: ten\n2. mention tea: Eight\n3. end with a question: zero\n" +
    "Constraints Overall Score: six out of ten\n",
  "words with points":
    "Fine Grained Score:\n1. ten points\n2. eight points\n3. zero points\nOverall Score: [[six]]\n",
  "words out of ten":
    "Fine Grained Score:\n- fewer than 50 words (ten out of ten)\n- mention tea: 8 out of ten - once\n" +
    `- end with a question: **zero/ten**${OVERALL}`,
  "Chinese words":
    "Fine Grained Score:\n1. fewer than 50 words：满分\n2. mention tea：八分，只提到一次\n第3条得零分\n" +
    "Constraints Overall Score：六分\n",
  "words in JSON": 'Fine Grained Score: {"1": "full marks", "2": "eight", "3": "零分"}\n' +
    "Constraints Overall Score:\n六分\n",
  "words in a table": `Fine Grained Score:\n| 1 | full marks |\n| 2 | 八分 |\n| 3 | zero |${OVERALL}`,
  "pictures beside scores": "Fine Grained Score:\n1️⃣ fewer than 50 words: ✅ 10\n2️⃣ mention tea: 8/10 ⚠️\n" +
    "3️⃣ end with a question: 0 ❌\n\n🏁 Constraints Overall Score: 6️⃣\n",
  "pictures in a table": "Fine Grained Score:\n| **#** | **Constraint** | **Score** |\n|---|---|---|\n" +
    "| **1** | fewer than 50 words | **10/10** ✅ |\n| **2** | mention tea | **8** ⚠️ |\n| **3** | end with a question | ❌ 0 |\n" +
    OVERALL,
  "a picture of a ten": `Fine Grained Score:\n1. 🔟\n2. 8️⃣/10\n3. 0️⃣${OVERALL}`,
  "smaller shares behind dashes":
    "Fine Grained Score:\n1. fewer than 50 words: 10 — 1 of 50\n2. mention tea: 8 - 3 of 4 times\n" +
    `3. end with a question: 0${OVERALL}`,
  "YAML records":
    'Fine Grained Score:\n\x60\x60\x60yaml\n- constraint: "2. mention tea"\n  reason: 1 of 2\n  score: 8\n' +
    "- constraint: 1. fewer than 50 words\n  reason: >\n    score was 3,\n    now counted\n  score: 10\n" +
    `- constraint: '3. end with a question'\n  score: 0\n\x60\x60\x60${OVERALL}`,
  "YAML records, score first":
    "Fine Grained Score:\n\x60\x60\x60yaml\nscores:\n- score: 10\n  constraint: 1. fewer than 50 words\n" +
    `- score: 8\n  constraint: 2. mention tea\n- score: 0\n  constraint: 3. end with a question\n\x60\x60\x60${OVERALL}`,
  "YAML records by number":
    "\x60\x60\x60yaml\nfine_grained_score:\n  - id: 2\n    score: 8\n  - id: 1\n    score: 10\n" +
    "  - id: 3\n    score: 0\nconstraints_overall_score: 6\n\x60\x60\x60\n",
  "a list of scores in a fence":
    `Fine Grained Score:\n\x60\x60\x60yaml\n- 10\n- 8\n- 0\n\x60\x60\x60${OVERALL}`,
  "the template's form first":
    `Fine Grained Score: [{"constraint": score}]\nConstraints Overall Score: [[d]]\n\n` +
    `Fine Grained Score: ${LIST}${OVERALL}`,
  "no list behind the last heading":
    `Fine Grained Score: ${LIST}${OVERALL}The fine grained scores\nare above.`,
};

for (const [form, text] of Object.entries(FORMS)) {
  Deno.test(`readTraceText() reads ${form}`, () => {
    assertEquals(read(text).scores, [10, 8, 0, 6]);
    assertEquals(read(text).cut, false);
  });
}

Deno.test("readTraceText(): what isn't on the scale is unscored with its text, never another number", () => {
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
    const { overall } = read(`Constraints Overall Score: ${score}`);
    assert(overall.score === null, `${score}: ${JSON.stringify(overall)}`);
    assertStringIncludes(overall.reason, score.replace(/\(.*= /, "").trim().slice(0, 2), score);
  }
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
      assertEquals(read(`Fine Grained Score: ${list}${OVERALL}`).scores, [10, null, 0, 6], list);
    }
  }
  assertEquals(read(`Fine Grained Score: [{"id": 2, "score": 4, "max": 5}]${OVERALL}`).scores, [
    null,
    null,
    null,
    6,
  ]);
  const lines =
    "Fine Grained Score:\n1. fewer than 50 words: 6 - 7\n2. mention tea: 8\n3. end with a question: 0";
  assertEquals(read(`${lines}${OVERALL}`).scores, [null, 8, 0, 6]);
  assertEquals(read("The overall score 6 is mine.").scores, [null, null, null, null]);
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

Deno.test("readTraceText(): words in double brackets are the constraint's where a score stands behind, else no verdict", () => {
  const scores = (line: string) =>
    readTraceText(`Fine Grained Score:\n${line}\nBe formal: 8\n`, [{ text: "结尾写 [[谢谢]]" }, {
      text: "Be formal",
    }])
      .constraints.map(({ score }) => score);
  assertEquals(scores("结尾写 [[谢谢]]: 9"), [9, 8]);
  assertEquals(scores("- **结尾写 [[谢谢]]**: 5/10"), [5, 8]);
  assertEquals(scores("结尾写 [[谢谢]]: [[N/A]]"), [null, 8]);
  assertEquals(scores("结尾写 [[谢谢]] [[N/A]] - 8"), [null, 8]);
});

Deno.test("readTraceText(): a score with its scale may stand in front, where the line has no other", () => {
  const scores = (...lines: string[]) =>
    readTraceText(`Fine Grained Score:\n${lines.join("\n")}\n\n`, [{ text: "2. 严格: 短句" }, {
      text: "Be formal",
    }])
      .constraints.map(({ score }) => score);
  assertEquals(scores("- [9/10] 2. 严格: 短句", "- [0/10] Be formal"), [9, 0]);
  assertEquals(scores("(7/10) Be formal", "(10分) 2. 严格: 短句"), [10, 7]);
  assertEquals(scores("- [4/5] Be formal", "- [8/10] 2. 严格: 短句"), [8, null]);
  assertEquals(scores("(10分) 2. 严格: 短句: 8", "Be formal: 3"), [null, 3]); // the name isn't the constraint's
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
  const read = (text: string) => {
    const { constraints, overall } = readTraceText(text, [{ text: "a text" }]);
    return [constraints[0]!.score, overall.score];
  };
  for (const said of ["(1-5)", "(out of 5)", "（满分5分）", "(/5)", "[0-5]", "(0-100)", "(each out of 5)"]) {
    assertEquals(
      read(`Fine Grained Score ${said}:\n1. a text: 5\n\nOverall Score: [[5]]\n`),
      [null, 5],
      said,
    );
    assertEquals(read(`Fine Grained Score ${said}: [{"a text": 5}]\nOverall Score ${said}: 5\n`), [
      null,
      null,
    ], said);
    const table =
      `Fine Grained Score:\n| Constraint | Score ${said} |\n|-|-|\n| a text | 5 |\n\nOverall Score: 4\n`;
    assertEquals(read(table), [null, 4], said);
  }
  assertEquals(read("Fine Grained Score (0-10):\n1. a text: 5\n\nOverall Score (out of 10): 5\n"), [5, 5]);
});

Deno.test("readTraceText(): a table's score stands in the column headed so, else alone behind the constraint", () => {
  const read = (rows: string) =>
    readTraceText(
      `Fine Grained Score:\n${rows}\n\nOverall Score: 4\n`,
      ["a text", "b text"].map((text) => ({ text })),
    )
      .constraints.map(({ score }) => score);
  assertEquals(read("| Text | Found | Score |\n|-|-|-|\n| a text | 3 | 9 |\n| b text | 2 | 得分：8 |"), [
    9,
    8,
  ]);
  assertEquals(read("| a text | 9 | fine |\n| b text | 8 | 2 words |"), [9, 8]);
  assertEquals(read("| a text | 9 | 3 |\n| b text | 8 | fine |"), [null, null]);
  assertEquals(read("| a text | pass | 3 |\n| b text | fail | 4 |"), [null, null]);
});

Deno.test("readTraceText(): [10] behind a colon is the score, (10) before one the scale", () => {
  const overall = (text: string) =>
    readTraceText(`Constraints Overall Score${text}\n`, [{ text: "a" }]).overall.score;
  const cases: [string, number | null][] = [
    [": [10]", 10],
    [": (10)", 10],
    [": [9]", 9],
    [" (10): [[8]]", 8],
    [" (10): 8", 8],
    [": (10) 8", 8],
    [" (10):\n[[7]]", 7],
    [": [0-10] 6", 6],
    ["\n[10]", 10],
    ["\n（10分）", 10],
    ["\n(10)\n8", 8],
  ];
  assertEquals(cases.map(([text]) => [text, overall(text)]), cases);
});

Deno.test("readTraceText() leaves a constraint's own tags alone, and a line of scores that doesn't fit unscored", () => {
  const own = [{ text: "put <b>tea</b> in bold" }, { text: "use a <table>" }];
  const list = '[{"put <b>tea</b> in bold": 10, "use a <table>": 3}]';
  assertEquals(read(`Fine Grained Score: ${list}${OVERALL}`, own).scores, [10, 3, 6]);
  for (const line of ["10/8/0", "10, 8", "10, 8, 0, 6", "C1=10, C2=8 and fine", "10, tea: 8, 0"]) {
    assert(read(`Fine Grained Score: ${line}${OVERALL}`).scores.slice(0, 3).includes(null), line);
  }
});

Deno.test("readTraceText(): by place only when nothing is named and the count fits", () => {
  const scores = (list: string) => read(`Fine Grained Score: ${list}${OVERALL}`).scores.slice(0, 3);
  assertEquals(scores('[{"score": 10}, {"score": 8}, {"score": 0}]'), [10, 8, 0]);
  assertEquals(scores('{"length": 10, "tea": 8, "question": 0}'), [10, 8, 0]);
  // one is named, so the others' places say nothing
  assertEquals(scores('{"3. end with a question": 10, "tea": 8, "length": 0}'), [null, null, 10]);
  assertEquals(scores('[{"score": 10}, {"score": 8, "constraint": "mention tea"}, {"score": 0}]'), [
    null,
    8,
    null,
  ]);
  assertEquals(scores("[10, 8]"), [null, null, null]);
  assertEquals(scores("[10, 8, 0, 6]"), [null, null, null]);
  const { verdicts } = read(`Fine Grained Score: [10, 8]${OVERALL}`);
  assertStringIncludes(verdicts[0]?.reason ?? "", "2 scores for 3 constraints");
});

Deno.test("readTraceText(): numbers are the constraints' own, else places, counted from 1 or from 0", () => {
  const own = [{ text: "2. b" }, { text: "1. a" }];
  assertEquals(read('Fine Grained Score: {"1": 10, "2": 3}', own).scores.slice(0, 2), [3, 10]);
  const none = [{ text: "be brief" }, { text: "be kind" }];
  assertEquals(read('Fine Grained Score: {"2": 10, "1": 3}', none).scores.slice(0, 2), [3, 10]);
  assertEquals(read('Fine Grained Score: {"1": 10, "0": 3}', none).scores.slice(0, 2), [3, 10]);
  // the text counts more than a number that isn't the constraint's
  assertEquals(read('Fine Grained Score: {"1. be kind": 10, "2. be brief": 3}', none).scores.slice(0, 2), [
    3,
    10,
  ]);
  const rules = [{ text: "x", rule: { id: "punctuation:no_comma" } }, {
    text: "y",
    rule: { id: "startend:quotation" },
  }];
  assertEquals(
    read('Fine Grained Score: {"startend:quotation": 10, "punctuation:no_comma": 3}', rules).scores.slice(
      0,
      2,
    ),
    [3, 10],
  );
});

Deno.test("readTraceText(): a verdict that is cut gives no score, wherever the text ends", () => {
  const whole = `Fine Grained Score: ${
    LIST.replaceAll(/8|0\}/g, (n) => n === "8" ? "10" : "10}")
  }\nConstraints Overall Score: [[10]]`;
  assertEquals(read(whole).scores, [10, 10, 10, 10]);
  for (let end = 0; end < whole.length; end++) {
    const { scores, cut } = read(whole.slice(0, end));
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
    const text = (FORMS[form] ?? "").replaceAll("8", "10").replace(/0(?=[^0-9]*Constraints)/i, "10");
    for (let end = 0; end <= text.length; end++) {
      assert(!read(text.slice(0, end)).scores.includes(1), `${form}: ${text.slice(0, end)}`);
    }
  }
});

Deno.test("readTraceText(): a score spelled in words counts only where it is all that is said", () => {
  const read = (said: string) => {
    const text = `Fine Grained Score:\n1. be brief: ${said}\n2. mention tea: 3\n\nOverall Score: 4\n`;
    const { constraints } = readTraceText(text, [{ text: "be brief" }, { text: "mention tea" }]);
    return constraints.map(({ score }) => score);
  };
  for (
    const said
      of ("接近满分|满分5分|满分（5分）|满分, 5/5|八分半|七八分|十分满意|十分之八|不到八分|half|not ten|eight and a half|eight-ish|" +
        "eight to nine|ten? No, six|ten, or nine|one of two sentences|ten words|four out of five|8 out of five|10 - 3 errors|2 — 3 of 9|" +
        "nine; eight|八分或七分|N/A|fullmarks").split("|")
  ) assertEquals(read(said), [null, 3], said);
  for (
    const said of ["eight", "Eight.", "eight; once", "八分。", "eight - good", "eight, because two are long"]
  ) {
    assertEquals(read(said), [8, 3], said);
  }
});

Deno.test("readTraceText(): scores above their constraints are those of the constraints below them", () => {
  const text = "Fine Grained Score:\nScore: 10\n1. be brief\nScore: 8\n2. mention tea\n\nOverall Score: 4\n";
  const { constraints } = readTraceText(text, [{ text: "be brief" }, { text: "mention tea" }]);
  assertEquals(constraints.map(({ score }) => score), [10, 8]);
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
