/**
 * Replies of judges, all with the scores 10, 8 and 0, by what is particular about each.
 * @module
 */
import { OVERALL_SIX, TEA_LIST } from "./_reading.ts";

/** All of these say 10, 8 and 0 of the constraints, and 6 overall. */
export const TEA_REPLIES: Record<string, string> = {
  "the form asked for": `Explanation: x\nFine Grained Score: ${TEA_LIST}${OVERALL_SIX}`,
  "headings without a colon":
    `### Explanation\nx\n\n### Fine Grained Score\n\`\`\`json\n${TEA_LIST}\n\`\`\`\n\n` +
    "### Constraints Overall Score\n[[6]]",
  "bold headings":
    `**Explanation**\nx\n**Fine Grained Score**\n${TEA_LIST}\n**Constraints Overall Score**\n**[[6]]**`,
  "bold labels": `**Fine-Grained Scores:** ${TEA_LIST}\n**Constraints Overall Score:** [[6]]`,
  "numbered headings":
    `1. Explanation\nx\n2. Fine Grained Score\n${TEA_LIST}\n3. Constraints Overall Score\n[[6]]`,
  "snake_case": `{"explanation": "x", "fine_grained_score": ${TEA_LIST}, "constraints_overall_score": 6}`,
  "camelCase": `{"explanation": "x", "fineGrainedScore": ${TEA_LIST}, "constraintsOverallScore": 6}`,
  "camelCase, overall first":
    `{"constraintsOverallScore": 6, "fineGrainedScores": ${TEA_LIST}, "explanation": "x"}`,
  "keys with blanks": `{\n  "Fine Grained Score": ${TEA_LIST},\n  "Constraints Overall Score": [[6]]\n}`,
  "a map without a list": `Fine Grained Score: ${TEA_LIST.slice(1, -1)}${OVERALL_SIX}`,
  "a map per constraint":
    `Fine Grained Score: [{"1. fewer than 50 words": 10}, {"2. mention tea": 8}, {"3. end with a question": 0}]${OVERALL_SIX}`,
  "fields, constraint first":
    `Fine Grained Score: [{"constraint": "1. fewer than 50 words", "score": 10}, {"constraint": "2. mention tea", "score": 8}, ` +
    `{"constraint": "3. end with a question", "score": 0}]${OVERALL_SIX}`,
  "fields, score first, another order":
    `Fine Grained Score: [{"score": 0, "constraint": "3. end with a question"}, {"score": 10, "reason": "49: 1, 2", ` +
    `"constraint": "1. fewer than 50 words"}, {"score": "8/10", "constraint": "2. mention tea"}]${OVERALL_SIX}`,
  "fields by number":
    `Fine Grained Score: [{"id": 3, "score": 0}, {"id": 1, "score": 10}, {"id": 2, "score": 8}]${OVERALL_SIX}`,
  "fields by number in words":
    `Fine Grained Score: [{"constraint": "Constraint 3", "score": 0}, {"constraint": "#1", "score": 10}, {"constraint": "约束2", ` +
    `"score": 8}]${OVERALL_SIX}`,
  "keys that are numbers": `Fine Grained Score: {"3": 0, "1": 10, "2": 8}${OVERALL_SIX}`,
  "keys with a number":
    `Fine Grained Score: {"constraint_2": 8, "constraint_1": 10, "constraint_3": 0}${OVERALL_SIX}`,
  "maps within a map":
    `Fine Grained Score: {"2. mention tea": {"reason": "once: 1", "score": 8}, "1. fewer than 50 words": {"score": 10}, ` +
    `"3. end with a question": {"score": 0}}${OVERALL_SIX}`,
  "a list under a key":
    `Fine Grained Score: {"constraints": [{"id": 1, "score": 10}, {"id": 2, "score": 8}, {"id": 3, "score": 0}]}` +
    OVERALL_SIX,
  "pairs":
    `Fine Grained Score: [["2. mention tea", 8], ["1. fewer than 50 words", 10], ["3. end with a question", 0]]${OVERALL_SIX}`,
  "texts with their scores":
    `Fine Grained Score: ["1. fewer than 50 words: 10", "2. mention tea: 8/10", "3. end with a question: 0"]${OVERALL_SIX}`,
  "words without quotes":
    `Fine Grained Score: [1. fewer than 50 words: 10, 2. mention tea: 8, 3. end with a question: 0]${OVERALL_SIX}`,
  "bare numbers": `Fine Grained Score: [10, 8, 0]${OVERALL_SIX}`,
  "out of ten":
    `Fine Grained Score: {"1": "10/10", "2": "8 / 10", "3": 0/10}\nConstraints Overall Score: 6/10`,
  "points":
    `Fine Grained Score: {"1": "10 points", "2": 8分, "3": "0 pts"}\nConstraints Overall Score: 6 points\n`,
  "Python's quotes": `Fine Grained Score: ${TEA_LIST.replaceAll('"', "'")}${OVERALL_SIX}`,
  "typographic quotes":
    `Fine Grained Score: [{“1. fewer than 50 words”: 10, “2. mention tea”: 8, “3. end with a question”: 0}]${OVERALL_SIX}`,
  "signs of another width":
    `Fine Grained Score：［｛"1. fewer than 50 words"：１０，"2. mention tea"：８，"3. end with a question"：０｝］\n` +
    "Constraints Overall Score：【【６】】",
  "black brackets": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: 【【6】】`,
  "boxed": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: $\\boxed{6}$`,
  "a sum": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: (10+8+0)/3 = [[6]]`,
  "a sum without brackets":
    `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: (10 + 8 + 0) / 3 = 18/3 = 6.0\n`,
  "the scale said": `Fine Grained Score (0-10): ${TEA_LIST}\nConstraints Overall Score (out of 10): [[6]]`,
  "the scale behind": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: [[6]]/10`,
  "the scale within": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: [[6/10]]`,
  "a remark behind": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: 6 (two of three)`,
  "a sentence behind":
    `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: 6. The question is missing.`,
  "a numbered list":
    `Fine Grained Score:\n1. fewer than 50 words: 10\n2. mention tea: 8\n3. end with a question: 0${OVERALL_SIX}`,
  "a numbered list of scores alone": `Fine Grained Score:\n1. 10\n2. 8\n3. 0${OVERALL_SIX}`,
  "a numbered list, bold, with remarks":
    `### Fine Grained Score\n1. **fewer than 50 words**: 10/10 (counted: 12)\n2. **mention tea**: 8/10 - once\n` +
    `3. **end with a question**: 0/10\n\n### Constraints Overall Score\n[[6]]`,
  "the first entry in the heading's line":
    `Fine Grained Score: fewer than 50 words: 10\nmention tea: 8\nend with a question: 0${OVERALL_SIX}`,
  "the first bullet in the heading's line":
    `**Fine Grained Score:** - fewer than 50 words: 10/10\n- mention tea: 8/10\n- end with a question: 0/10${OVERALL_SIX}`,
  "the first constraint in the heading's line":
    `Fine Grained Score: Constraint 1: 10\nConstraint 2: 8\nConstraint 3: 0${OVERALL_SIX}`,
  "the first number in the heading's line": `Fine Grained Score: 1: 10\n2: 8\n3: 0${OVERALL_SIX}`,
  "remarks that count, behind dashes":
    `Fine Grained Score:\n1. fewer than 50 words: 10/10 — 12 of 50 words\n2. mention tea: 8/10 - 1 of 2 sentences\n` +
    `3. end with a question: 0/10 – 0 of 1\nConstraints Overall Score: 6/10 — 2 of 3 constraints\n`,
  "remarks with a number of something":
    `Fine Grained Score:\n1. fewer than 50 words: 10/10 — 12 words\n2. mention tea: 8 out of 10 - 1 cup\n` +
    `3. end with a question: **0/10** – 3 statements${OVERALL_SIX}`,
  "bullets with dashes":
    `Fine Grained Score:\n- fewer than 50 words — 10\n- end with a question — 0\n- mention tea — 8\n${OVERALL_SIX}`,
  "bullets with brackets":
    `Fine Grained Score:\n* fewer than 50 words [[10]]\n* mention tea [[8]]\n* end with a question [[0]]\n${OVERALL_SIX}`,
  "bullets with parentheses":
    `Fine Grained Score:\n- fewer than 50 words (10)\n- mention tea (8/10)\n- end with a question (0)\n${OVERALL_SIX}`,
  "the word score behind":
    `Fine Grained Score:\n1. fewer than 50 words. Score: 10\n2. mention tea. Score: 8\n3. end with a question. Score: 0\n${OVERALL_SIX}`,
  "the score below":
    `Fine Grained Score:\n1. fewer than 50 words\n   - **Score:** 10\n2. mention tea\n   - **Score:** 8\n` +
    `3. end with a question\n   - **Score:** 0\n${OVERALL_SIX}`,
  "constraint by number":
    `Fine Grained Score:\nConstraint 1: 10\nConstraint 2: 8\nConstraint 3: 0\n${OVERALL_SIX}`,
  "a table":
    "### Fine Grained Score\n| Constraint | Score |\n|---|---:|\n| 1. fewer than 50 words | 10 |\n| 2. mention tea | 8 |\n" +
    "| 3. end with a question | 0 |\n\n### Constraints Overall Score\n| 6 |",
  "a table with numbers and remarks":
    "**Fine Grained Score**\n\n| # | Constraint | Score (0-10) | Remark |\n|:-:|---|:-:|---|\n| 2 | mention tea | **8** | 1 of 2 |\n" +
    "| 1 | fewer than 50 words | **10** | 12 words |\n| 3 | end with a question | **0** | |\n\n**Constraints Overall Score**: **6**\n",
  "a table whose head stands in the heading's line":
    "Fine Grained Score: | Constraint | Score |\n|---|---|\n| 1. fewer than 50 words | 10 |\n| 2. mention tea | 8/10 |\n" +
    `| 3. end with a question | 0 |\n${OVERALL_SIX}`,
  "a Chinese table with its head in the heading's line":
    "**细粒度评分：** | 序号 | 约束 | 得分 |\n|:-:|---|:-:|\n| 3 | end with a question | 0 |\n| 1 | fewer than 50 words | 10分 |\n" +
    "| 2 | mention tea | 8分 |\n\n**总体评分：** [[6]]\n",
  "a table without rules": "Fine Grained Score\n1 | 10\n2 | 8\n3 | 0\nConstraints Overall Score | 6 |",
  "tags":
    `<explanation>x</explanation>\n<fine_grained_score>${TEA_LIST}</fine_grained_score>\n<overall_score>6</overall_score>`,
  "a sentence before each score":
    "**Fine-grained scores**\n1. fewer than 50 words: it has 12: enough. Score: 10\n2. mention tea: once, of 2 chances. Score: 8/10\n" +
    "3. end with a question: no. Score: 0\n\n**Constraints overall score:** [[6]]",
  "numbers in words of a list":
    "Fine Grained Score:\n第1条：10分\n第2条：8分\n第3条：0分\nConstraints Overall Score：[[6]]",
  "limits in fields":
    `Fine Grained Score: [{"constraint_id": 2, "score": 8, "max_score": 10}, {"constraint_id": 1, "score": 10, ` +
    `"max_score": 10}, {"constraint_id": 3, "score": 0, "max_score": 10}]${OVERALL_SIX}`,
  "commas too many": `Fine Grained Score: ${TEA_LIST.replace("}]", ",},]")}${OVERALL_SIX}`,
  "commas too few":
    `Fine Grained Score: [{"1. fewer than 50 words": 10\n"2. mention tea": 8 "3. end with a question": 0}]${OVERALL_SIX}`,
  "a bracket too few": `Fine Grained Score: ${TEA_LIST.slice(0, -1)}${OVERALL_SIX}`,
  "both brackets too few": `Fine Grained Score: ${TEA_LIST.slice(0, -2)}${OVERALL_SIX}`,
  "broken within a key": `Fine Grained Score: ${TEA_LIST.replace("50 words", "50\n  words")}${OVERALL_SIX}`,
  "other end marks": `Fine Grained Score: ${
    TEA_LIST.replaceAll('":', ';":').replace("1. f", "1、f")
  }${OVERALL_SIX}`,
  "the last of several":
    `Fine Grained Score: [1, 2, 3]\nConstraints Overall Score: [[1]]\nNo:\nFine Grained Score: ${TEA_LIST}${OVERALL_SIX}`,
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
  "a sentence": `Fine Grained Score: ${TEA_LIST}\nThe constraints overall score is therefore: [[6]].`,
  "a label that is a sentence": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score is 6.\n`,
  "three brackets": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: [[[6]]]`,
  "boxed text": `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: $\\boxed{\\text{6}}$`,
  "comments in JSON":
    'Fine Grained Score: [\n{"1. fewer than 50 words": 10}, # 12 words\n{"2. mention tea": 8}, // 2 times\n' +
    `/* no: 3 */ {"3. end with a question": 0}\n]${OVERALL_SIX}`,
  "labels in one line": `Fine Grained Score: C1=10, C2=8, C3=0${OVERALL_SIX}`,
  "numbers in one line": `Fine Grained Score: 1: 10; 2: 8; 3: 0${OVERALL_SIX}`,
  "one line below": `**Fine Grained Score**\nC2: 8/10, C1: 10/10, C3: 0/10\n${OVERALL_SIX}`,
  "names in one line":
    `Fine Grained Score: mention tea: 8; fewer than 50 words (12, so fine): 10; end with a question: 0${OVERALL_SIX}`,
  "names in one line, scores in parentheses":
    `Fine Grained Score: fewer than 50 words (10), mention tea (8), end with a question (0)${OVERALL_SIX}`,
  "scores in one line": `Fine Grained Score: 10, 8, 0${OVERALL_SIX}`,
  "a tuple": `Fine Grained Score: (10, 8, 0)${OVERALL_SIX}`,
  "tuples":
    `Fine Grained Score: [("2. mention tea", 8), ("1. fewer than 50 words", 10), ("3. end with a question", 0)]${OVERALL_SIX}`,
  "a variable": `Fine Grained Score:\n\`\`\`python\nscores = ${TEA_LIST}\n\`\`\`\n${OVERALL_SIX}`,
  "scores of":
    `Fine Grained Score:\n1. fewer than 50 words: score of 10\n2. mention tea: a score of 8\n3. end with a question: Score of 0${OVERALL_SIX}`,
  "a list in HTML":
    "<h3>Fine Grained Score</h3><ul><li><b>mention tea</b>: 8</li><li>fewer than 50 words: 10</li><li>end with a question: 0</li>" +
    "</ul><h3>Constraints Overall Score</h3><p>6</p>",
  "a table in HTML":
    "<b>Fine Grained Score</b><table><tr><th>Constraint</th><th>Score</th></tr>\n<tr><td>mention tea</td><td>8</td></tr>\n" +
    "<tr><td>fewer than 50 words</td><td>10</td></tr><tr><td>end with a question</td><td>0</td></tr></table>" +
    "<b>Constraints Overall Score:</b> 6<br>",
  "labels in HTML": `<b>Fine Grained Score:</b> ${TEA_LIST}<br><b>Constraints Overall Score:</b> [[6]]<br>`,
  "tags of scores":
    "<fine_grained_scores><score>10</score><score>8</score><score>0</score></fine_grained_scores>" +
    "<overall_score><score>6</score></overall_score>",
  "tags with numbers":
    '<fine_grained_score>\n<constraint id="2">8</constraint>\n<constraint id="1">10</constraint>\n<constraint id="3">0</constraint>\n' +
    "</fine_grained_score>\n<constraints_overall_score>6</constraints_overall_score>",
  "a tag around the overall score":
    `Fine Grained Score: ${TEA_LIST}\nConstraints Overall Score: <score>6</score>`,
  "words":
    "Fine Grained Score:\n1. fewer than 50 words: ten\n2. mention tea: Eight\n3. end with a question: zero\n" +
    "Constraints Overall Score: six out of ten\n",
  "words with points":
    "Fine Grained Score:\n1. ten points\n2. eight points\n3. zero points\nOverall Score: [[six]]\n",
  "words out of ten":
    "Fine Grained Score:\n- fewer than 50 words (ten out of ten)\n- mention tea: 8 out of ten - once\n" +
    `- end with a question: **zero/ten**${OVERALL_SIX}`,
  "Chinese words":
    "Fine Grained Score:\n1. fewer than 50 words：满分\n2. mention tea：八分，只提到一次\n第3条得零分\n" +
    "Constraints Overall Score：六分\n",
  "words in JSON": 'Fine Grained Score: {"1": "full marks", "2": "eight", "3": "零分"}\n' +
    "Constraints Overall Score:\n六分\n",
  "words in a table": `Fine Grained Score:\n| 1 | full marks |\n| 2 | 八分 |\n| 3 | zero |${OVERALL_SIX}`,
  "pictures beside scores": "Fine Grained Score:\n1️⃣ fewer than 50 words: ✅ 10\n2️⃣ mention tea: 8/10 ⚠️\n" +
    "3️⃣ end with a question: 0 ❌\n\n🏁 Constraints Overall Score: 6️⃣\n",
  "pictures in a table": "Fine Grained Score:\n| **#** | **Constraint** | **Score** |\n|---|---|---|\n" +
    "| **1** | fewer than 50 words | **10/10** ✅ |\n| **2** | mention tea | **8** ⚠️ |\n| **3** | end with a question | ❌ 0 |\n" +
    OVERALL_SIX,
  "a picture of a ten": `Fine Grained Score:\n1. 🔟\n2. 8️⃣/10\n3. 0️⃣${OVERALL_SIX}`,
  "smaller shares behind dashes":
    "Fine Grained Score:\n1. fewer than 50 words: 10 — 1 of 50\n2. mention tea: 8 - 3 of 4 times\n" +
    `3. end with a question: 0${OVERALL_SIX}`,
  "YAML records":
    'Fine Grained Score:\n\x60\x60\x60yaml\n- constraint: "2. mention tea"\n  reason: 1 of 2\n  score: 8\n' +
    "- constraint: 1. fewer than 50 words\n  reason: >\n    score was 3,\n    now counted\n  score: 10\n" +
    `- constraint: '3. end with a question'\n  score: 0\n\x60\x60\x60${OVERALL_SIX}`,
  "YAML records, score first":
    "Fine Grained Score:\n\x60\x60\x60yaml\nscores:\n- score: 10\n  constraint: 1. fewer than 50 words\n" +
    `- score: 8\n  constraint: 2. mention tea\n- score: 0\n  constraint: 3. end with a question\n\x60\x60\x60${OVERALL_SIX}`,
  "YAML records by number":
    "\x60\x60\x60yaml\nfine_grained_score:\n  - id: 2\n    score: 8\n  - id: 1\n    score: 10\n" +
    "  - id: 3\n    score: 0\nconstraints_overall_score: 6\n\x60\x60\x60\n",
  "a list of scores in a fence":
    `Fine Grained Score:\n\x60\x60\x60yaml\n- 10\n- 8\n- 0\n\x60\x60\x60${OVERALL_SIX}`,
  "the template's form first":
    `Fine Grained Score: [{"constraint": score}]\nConstraints Overall Score: [[d]]\n\n` +
    `Fine Grained Score: ${TEA_LIST}${OVERALL_SIX}`,
  "no list behind the last heading":
    `Fine Grained Score: ${TEA_LIST}${OVERALL_SIX}The fine grained scores\nare above.`,
};
