/** Replies as model judges write them, of which a number was once taken for a score that they don't give. */
import { assert, assertEquals } from "@std/assert";

import { readTraceText } from "./reading.ts";

const TWO = [{ text: "1. be brief" }, { text: "2. mention tea" }];
const FREE = [{ text: "be brief" }, { text: "mention tea" }];
const LAST = "\n\nConstraints Overall Score: [[4]]\n";

type Scores = [scores: (number | null)[], overall?: number | null];

/** The scores of a text behind the heading, and the overall one. */
function read(body: string, constraints = TWO, last = LAST): Scores {
  const { constraints: verdicts, overall } = readTraceText(
    `Fine Grained Score:\n${body}${last}`,
    constraints,
  );
  return [verdicts.map(({ score }) => score), overall.score];
}

Deno.test("a score that is corrected behind itself is none, a remark that counts leaves it", () => {
  for (
    const said of [
      ..."8, corrected: 6|8 (revised to 6)|8, but should be 6|8? Actually 6|8... wait, that's a 6|8 – on reflection 6|8; adjusted to 6"
        .split("|"),
      ..."8, no, 6|8分，不对，应为6分|8（更正：6）|8... hmm, 6|(8, 6)|8, 6|4 (1-5)|2 (0-2)".split("|"),
    ]
  ) {
    assertEquals(read(`1. be brief: ${said}\n2. mention tea: 3`), [[null, 3], 4], said);
    assertEquals(
      read(JSON.stringify([{ "1. be brief": said, "2. mention tea": 3 }])),
      [[null, 3], 4],
      `${said} in JSON`,
    );
    assertEquals(readTraceText(`Overall Score: ${said}\n`, TWO).overall.score, null, `${said} as the last`);
  }
  for (
    const [said, sum] of [
      ["10 (-2) = 8", 8],
      ["8 [deducted 2 → 6]", 6],
      ["10 (minus 2 for its length) = 8", 8],
      ["8 (-1 for tone, -1 for length → 6)", 6],
      ["10（扣2分）= 8", 8],
    ] as const
  ) {
    assertEquals(read(`1. be brief: ${said}\n2. mention tea: 3`), [[null, 3], 4], said);
    assertEquals(read(JSON.stringify([{ "1. be brief": said, "2. mention tea": 3 }])), [[null, 3], 4], said);
    const { score } = readTraceText(`Overall Score: ${said}\n`, TWO).overall;
    assert(score === null || score === sum, `${said}: ${score}`);
  }
  for (
    const said of [
      ..."8 (should be 10 sentences)|8, now with 3 bullets|8 (was 6)|8 — no more than 50 words|8, final score 8|8 (0-10)|8 (2 + 6 = 8)|8 (3 of its 5 sentences = 60 words)|8. Final score: 8/10"
        .split("|"),
    ]
  ) {
    assertEquals(read(`1. be brief: ${said}\n2. mention tea: 3`), [[8, 3], 4], said);
  }
});

Deno.test("a table that gives scores again has none in its first column of them", () => {
  for (
    const [again, cell] of [["Revised", "6"], ["Final", "6"], ["Adjusted score", "6/10"], ["修正后", "6"]]
  ) {
    const table =
      `| Constraint | Score | ${again} |\n| --- | --- | --- |\n| be brief | 8 | ${cell} |\n| mention tea | 3 | 3 |`;
    assertEquals(read(table), [[null, null], 4], again);
  }
});

Deno.test("a later evaluation that isn't understood leaves none of an earlier one", () => {
  const first = `[{"1. be brief": 9, "2. mention tea": 9}]\nConstraints Overall Score: [[9]]\n\n`;
  const nothing: Scores = [[null, null], 4];
  assertEquals(
    read(`${first}Revised.\nFine Grained Score:\n1. be brief: 2 pontos\n2. mention tea: 3 pontos`),
    nothing,
  );
  assertEquals(
    read(
      `${first}Revised.\nFine Grained Score:\nconstraint,score\n"be brief",2 pontos\n"mention tea",3 pontos`,
    ),
    nothing,
  );
  assertEquals(
    read(`${first}Revised.\nFine Grained Score:\n- be brief:\n  2 pontos\n- mention tea:\n  3 pontos`),
    nothing,
  );
  assertEquals(
    read(
      `1. be brief: 9\n2. mention tea: 9\n\nFinal:\n1. be brief: 10 points possible, 2 awarded\n2. mention tea: 3`,
    ),
    [[null, 3], 4],
  );
  const overall = (last: string) => read(first, TWO, `\n${last}\n`)[1];
  assertEquals(overall("Constraints Overall Score is 10 points possible, 4 awarded"), null);
  assertEquals(overall("**Overall Score:** 4 ⭐ von 10 möglichen"), null);
  assertEquals(overall("Note that the overall score stands."), 9);
});

Deno.test("an overall score in quotes, of an earlier evaluation or of the response's own is none", () => {
  const overall = (text: string) => readTraceText(text, TWO).overall.score;
  assertEquals(overall(`Overall Score: 4\n\nThe answer ends with "Overall Score: 9" as asked.\n`), 4);
  assertEquals(overall(`Overall Score: 4\n\nPrevious overall score: 3\n`), 4);
  assertEquals(overall(`The answer says “Overall Score: 9”, as asked.\n`), null);
  assertEquals(overall(`{"overall_score": 9}\n`), 9);
  assertEquals(overall(`"Overall Score: 9"\n`), 9);
});

Deno.test("constraints that are counted from 0 aren't those of the same numbers", () => {
  for (
    const body of [
      "0: 7\n1: 4",
      "C0 = 7\nC1 = 4",
      "Constraint 0: 7\nConstraint 1: 4",
      `[{"0": 7, "1": 4}]`,
    ]
  ) assertEquals(read(body), [[7, 4], 4], body);
  assertEquals(read("1: 7\n2: 4"), [[7, 4], 4]);
});

Deno.test("a constraint's own number in quotes, a list's range and a name's number are no scores", () => {
  assertEquals(read(`1. "1. be brief" – good\n2. "2. mention tea" – good`), [[null, null], 4]);
  assertEquals(read(`1. "1. be brief" – 8\n2. "2. mention tea" – 3`), [[8, 3], 4]);
  assertEquals(read("1. 7–8\n2. 3"), [[null, 3], 4]);
  assertEquals(read("1. 9 - 10\n2. 3"), [[null, 3], 4]);
  assertEquals(read(`Constraint: 1. Short\nConstraint: 2. Tea`), [[null, null], 4]);
  assertEquals(read("1. be brief: 7, confidence: 0.9\n2. mention tea: 3"), [[7, 3], 4]);
  assertEquals(read("C1: 9; C2: max 5: 3"), [[9, null], 4]);
});

Deno.test("fields and columns that aren't a score's are none, whatever they hold", () => {
  const record = (fields: object, i: number) => ({ constraint: TWO[i]!.text, ...fields });
  const records = (...fields: object[]) => JSON.stringify(fields.map(record));
  assertEquals(read(records({ value: 7, confidence: 9 }, { value: 3, confidence: 9 })), [[7, 3], 4]);
  assertEquals(read(records({ value: "good", confidence: 9 }, { value: 3, confidence: 9 })), [[null, 3], 4]);
  assertEquals(read(records({ id: 1, met: "yes" }, { id: 2, met: "no" })), [[null, null], 4]);
  assertEquals(read(`[{"be kind": "7 pontos", "Overall Score": 9}]`, [{ text: "mention tea" }]), [[null], 4]);
  assertEquals(read("Kürze: 7\nOverall: 9"), [[null, null], 4]);
  const table = (head: string, ...rows: string[]) =>
    [head, head.replace(/[^|]+/g, "---"), ...rows].join("\n");
  const found = table("| Count | Rating | Criterion |", "| 2 | 8 | be brief |", "| 1 | 3 | mention tea |");
  assertEquals(read(found), [[8, 3], 4]);
  const most = table("| Constraint | Max | Score |", "| be brief | 5 | 3 |", "| mention tea | 10 | 3 |");
  assertEquals(read(most), [[null, 3], 4]);
  const chinese = table("| 约束 | 满分 | 得分 |", "| be brief | 5 | 3 |", "| mention tea | 10 | 3 |");
  assertEquals(read(chinese), [[null, 3], 4]);
});

Deno.test("a table with a column for each constraint gives the scores of its row of scores", () => {
  const table = (names: string, ...rows: string[]) =>
    [`| Constraint | ${names} |`, "|---|---|---|", ...rows].join("\n");
  for (const names of ["C1 | C2", "Constraint 1 | Constraint 2", "1 | 2", "be brief | mention tea"]) {
    assertEquals(read(table(names, "| Score | **8** | 3/10 |")), [[8, 3], 4], names);
    assertEquals(read(table(names, "| Count | 5 | 6 |", "| Score | 8 | N/A |"), FREE), [[8, null], 4], names);
  }
  assertEquals(read(table("C2 | C1", "| Score | 8 | 3 |")), [[3, 8], 4]);
  assertEquals(read(table("Found | Weight", "| Score | 8 | 3 |")), [[null, null], 4]);
});

Deno.test("scores above their constraints are read where no other list can be meant", () => {
  assertEquals(read("**Score:** 8\nbe brief\n\n**Score:** 3\nmention tea"), [[8, 3], 4]);
  assertEquals(read("Score: 8 von zehn\n1. be brief\nScore: 3\n2. mention tea"), [[null, 3], 4]);
  assertEquals(read("be brief\nScore: 8\nmention tea\nScore: 3"), [[8, 3], 4]);
});

Deno.test("a table in whose head the words fine grained score are a cell gives no other column's numbers", () => {
  const scores = (...lines: string[]) =>
    readTraceText(`${lines.join("\n")}${LAST}`, TWO).constraints.map(({ score }) => score);
  const rule = "|---|---|---|";
  assertEquals(
    scores(
      "| Fine Grained Score | Constraint | Weight |",
      rule,
      "| 8 | be brief | 1 |",
      "| 3 | mention tea | 2 |",
    ),
    [null, null],
  );
  assertEquals(
    scores(
      "| Constraint | Fine Grained Score | Weight |",
      rule,
      "| be brief | 8 | 1 |",
      "| mention tea | 3 | 2 |",
    ),
    [null, null],
  );
});

Deno.test("a long line of dashes below a heading takes no longer than others", () => {
  // tried in all ways to make cells of it, it would take years
  const text = `Fine Grained Score: a | b\n${"-".repeat(300)}!\n1. be brief: 8\n2. mention tea: 3${LAST}`;
  assertEquals(readTraceText(text, TWO).overall.score, 4);
});
