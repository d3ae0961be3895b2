/** The forms that judges write, one table; what each is worth was worked out by hand. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { readTraceText } from "./reading.ts";
import { TEA_REPLIES } from "./_reading_forms.ts";
import { OVERALL_SIX, readVerdicts } from "./_reading.ts";

for (const [form, text] of Object.entries(TEA_REPLIES)) {
  Deno.test(`readTraceText() reads ${form}`, () => {
    assertEquals(readVerdicts(text).scores, [10, 8, 0, 6]);
    assertEquals(readVerdicts(text).cut, false);
  });
}

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

Deno.test("readTraceText(): a table's score stands in the column headed so, else alone behind the constraint", () => {
  const readHere = (rows: string) =>
    readTraceText(
      `Fine Grained Score:\n${rows}\n\nOverall Score: 4\n`,
      ["a text", "b text"].map((text) => ({ text })),
    )
      .constraints.map(({ score }) => score);
  assertEquals(
    readHere("| Text | Found | Score |\n|-|-|-|\n| a text | 3 | 9 |\n| b text | 2 | 得分：8 |"),
    [
      9,
      8,
    ],
  );
  assertEquals(readHere("| a text | 9 | fine |\n| b text | 8 | 2 words |"), [9, 8]);
  assertEquals(readHere("| a text | 9 | 3 |\n| b text | 8 | fine |"), [null, null]);
  assertEquals(readHere("| a text | pass | 3 |\n| b text | fail | 4 |"), [null, null]);
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
  assertEquals(readVerdicts(`Fine Grained Score: ${list}${OVERALL_SIX}`, own).scores, [10, 3, 6]);
  for (const line of ["10/8/0", "10, 8", "10, 8, 0, 6", "C1=10, C2=8 and fine", "10, tea: 8, 0"]) {
    assert(readVerdicts(`Fine Grained Score: ${line}${OVERALL_SIX}`).scores.slice(0, 3).includes(null), line);
  }
});

Deno.test("readTraceText(): by place only when nothing is named and the count fits", () => {
  const scores = (list: string) =>
    readVerdicts(`Fine Grained Score: ${list}${OVERALL_SIX}`).scores.slice(0, 3);
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
  const { verdicts } = readVerdicts(`Fine Grained Score: [10, 8]${OVERALL_SIX}`);
  assertStringIncludes(verdicts[0]?.reason ?? "", "2 scores for 3 constraints");
});

Deno.test("readTraceText(): numbers are the constraints' own, else places, counted from 1 or from 0", () => {
  const own = [{ text: "2. b" }, { text: "1. a" }];
  assertEquals(readVerdicts('Fine Grained Score: {"1": 10, "2": 3}', own).scores.slice(0, 2), [3, 10]);
  const none = [{ text: "be brief" }, { text: "be kind" }];
  assertEquals(readVerdicts('Fine Grained Score: {"2": 10, "1": 3}', none).scores.slice(0, 2), [3, 10]);
  assertEquals(readVerdicts('Fine Grained Score: {"1": 10, "0": 3}', none).scores.slice(0, 2), [3, 10]);
  // the text counts more than a number that isn't the constraint's
  assertEquals(
    readVerdicts('Fine Grained Score: {"1. be kind": 10, "2. be brief": 3}', none).scores.slice(0, 2),
    [
      3,
      10,
    ],
  );
  const rules = [{ text: "x", rule: { id: "punctuation:no_comma" } }, {
    text: "y",
    rule: { id: "startend:quotation" },
  }];
  assertEquals(
    readVerdicts('Fine Grained Score: {"startend:quotation": 10, "punctuation:no_comma": 3}', rules).scores
      .slice(
        0,
        2,
      ),
    [3, 10],
  );
});

Deno.test("readTraceText(): scores above their constraints are those of the constraints below them", () => {
  const text = "Fine Grained Score:\nScore: 10\n1. be brief\nScore: 8\n2. mention tea\n\nOverall Score: 4\n";
  const { constraints } = readTraceText(text, [{ text: "be brief" }, { text: "mention tea" }]);
  assertEquals(constraints.map(({ score }) => score), [10, 8]);
});
